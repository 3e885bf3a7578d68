import GuestScopeBTF
import GuestScopeBytes
import TestSupport
import Testing

@Suite struct StoredIndexTests {
  private func everything(_ btf: BTF) -> [String] {
    btf.typeIDs.map { id in
      let name = (try? btf.name(of: id)) ?? ""
      let kind = try? btf.kind(of: id)
      let found = kind.map { btf.ids(named: name, kind: $0) } ?? []
      return "\((try? btf.declaration(of: id)) ?? "") \(btf.size(of: id) ?? -1) \(found) "
        + "\((try? btf.structID(name)) ?? .void)"
    }
  }

  @Test func aStoredIndexGivesTheSameTypes() throws {
    let scanned = try Sample.btf()
    let stored = try BTF(SharedBytes(Sample.blob), storedIndex: scanned.storedIndex)
    #expect(everything(stored) == everything(scanned))
    #expect(stored.storedIndex == scanned.storedIndex)
    #expect(stored.typeCount == scanned.typeCount)
  }

  /// The index finds what a pass over all types finds.
  @Test func everyNamedTypeIsFoundByItsName() throws {
    let btf = try Sample.btf()
    for id in btf.typeIDs {
      let (name, kind) = (try btf.name(of: id), try btf.kind(of: id))
      let all = try btf.typeIDs.filter {
        try btf.name(of: $0) == name && btf.kind(of: $0) == kind
      }
      #expect(btf.ids(named: name, kind: kind) == (name.isEmpty ? [] : all))
    }
  }

  @Test func namesOfTheBaseAndBeyondItAreFound() throws {
    var base = BTFBuilder()
    base.composite(.struct, "shared", size: 8, [])
    var module = BTFBuilder(base: base)
    module.composite(.struct, "shared", size: 16, [])
    module.composite(.union, "own", size: 4, [])
    let btf = try BTF(module.blob, base: try BTF(base.blob))
    #expect(btf.ids(named: "shared", kind: .struct) == [1, 2])
    #expect(try btf.structID("own") == 3)
    // A long name counts with its beginning only.
    let long = String(repeating: "x", count: 300)
    var names = BTFBuilder()
    for end in ["a", "b", ""] { names.composite(.struct, long + end, size: 4, []) }
    #expect(try BTF(names.blob).structID(long + "b") == 2)
    #expect(try BTF(names.blob).structID(long) == 3)
  }

  @Test func anIndexOfAnotherSizeIsRefused() throws {
    let index = Array(try Sample.btf().storedIndex)
    for length in index.indices {
      #expect(throws: BTFError.self) {
        try BTF(SharedBytes(Sample.blob), storedIndex: SharedBytes(Array(index[..<length])))
      }
    }
  }

  @Test func damagedIndexesNeverCrash() throws {
    let seed = UInt64.random(in: 0 ... .max)
    print("seed of damagedIndexesNeverCrash: \(seed)")
    var random = SplitMix(state: seed)
    let good = Array(try Sample.btf().storedIndex)
    for _ in 0..<300 {
      var index = good
      for _ in 0..<4 {
        let at = Int.random(in: 8..<index.count, using: &random)
        index[at] = UInt8.random(in: .min ... .max, using: &random)
      }
      let btf = try BTF(SharedBytes(Sample.blob), storedIndex: SharedBytes(index))
      _ = everything(btf)
      for id in btf.typeIDs { _ = try? btf.layout(of: id) }
    }
  }
}
