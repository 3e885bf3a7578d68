import GuestScopeBTF
import GuestScopeBytes
import TestSupport
import Testing

/// Damaged and malicious blobs: an error or an answer, never a crash or an endless walk.
@Suite struct HostileTests {
  @Test func somethingElseIsRefusedWithThePlace() {
    #expect(throws: BTFError.malformed("the header ends early", offset: 3)) {
      try BTF([0x9f, 0xeb, 1])
    }
    #expect(throws: BTFError.malformed("it is big-endian", offset: 0)) {
      try BTF([0xeb, 0x9f, 1] + [UInt8](repeating: 0, count: 30))
    }
    var unknown = BTFBuilder()
    unknown.int("int", size: 4)
    var blob = unknown.blob
    blob[24 + 7] = 20
    #expect(throws: BTFError.malformed("kind 20 is not known", offset: 28)) { try BTF(blob) }
  }

  @Test func aHeaderInMemoryTellsTheLength() {
    let length = Sample.blob.count
    let memory = [UInt8](repeating: 0x9f, count: 40) + Sample.blob
    #expect(BTF.blobLength(at: 40, in: memory) == length)
    #expect(BTF.blobLength(at: 40, in: Array(memory.prefix(64))) == length)
    #expect(BTF.blobLength(at: 40, in: Array(memory.prefix(63))) == nil)
    #expect(BTF.blobLength(at: 36, in: memory) == nil)
    #expect(BTF.blobLength(at: 4000, in: memory) == nil)
  }

  @Test func noPrefixOfABlobIsABlob() {
    for length in Sample.blob.indices {
      #expect(throws: BTFError.self) { try BTF(Array(Sample.blob[..<length])) }
    }
  }

  @Test func typesThatReferToThemselves() throws {
    var builder = BTFBuilder()
    builder.add(.typedef, "a", 2)
    builder.add(.const, "", 1)
    builder.add(.array, "", 0, [3, 1, 2])
    builder.composite(.struct, "s", size: 8, [("", 4, 0)])
    builder.add(.ptr, "", 5)
    builder.composite(.struct, "t", size: 8, [("loop", 1, 0)])
    let btf = try BTF(builder.blob)
    #expect(throws: BTFError.tooDeep(id: 1)) { try btf.resolve(1) }
    #expect(btf.size(of: 1) == nil)
    #expect(btf.size(of: 3) == nil)
    #expect(throws: BTFError.self) { try btf.field("x", of: "s") }
    #expect(throws: BTFError.self) { try btf.layout(of: 4) }
    #expect(throws: BTFError.self) { try btf.declaration(of: 5) }
    #expect(throws: BTFError.self) { try btf.structID("a") }
    #expect(throws: BTFError.self) { try btf.field("loop.x", of: "t") }
  }

  @Test func anonymousMembersThatDoubleAtEachLevel() throws {
    var builder = BTFBuilder()
    builder.int("int", size: 4)
    builder.composite(.struct, "s1", size: 4, [("x", 1, 0)])
    for level in 2...40 {
      let inner = UInt32(level)
      builder.composite(.struct, "s\(level)", size: 4, [("", inner, 0), ("", inner, 0)])
    }
    let btf = try BTF(builder.blob)
    #expect(try btf.field("x", of: "s40")?.offset == 0)
    #expect(throws: BTFError.self) { try btf.field("y", of: "s40") }
    #expect(throws: BTFError.self) { try btf.layout(of: 41) }
  }

  @Test func anArrayBeyondAllMemoryHasNoSize() throws {
    var builder = BTFBuilder()
    builder.int("int", size: 4)
    for inner in 1...4 { builder.add(.array, "", 0, [UInt32(inner), 1, .max]) }
    let btf = try BTF(builder.blob)
    #expect(btf.size(of: 2) == 4 * Int(UInt32.max))
    #expect(btf.size(of: 5) == nil)
  }

  @Test func mutatedBlobsNeverCrash() {
    let seed = UInt64.random(in: 0 ... .max)
    print("seed of mutatedBlobsNeverCrash: \(seed)")
    var random = SplitMix(state: seed)
    var read = 0
    for _ in 0..<600 {
      var blob = Sample.blob
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let at = Int.random(in: 0..<blob.count, using: &random)
        blob[at] = UInt8.random(in: .min ... .max, using: &random)
      }
      guard let btf = try? BTF(blob) else { continue }
      read += 1
      askEverything(btf)
    }
    // Most single bytes are no structure: if hardly any blob is read, the header check is wrong.
    #expect(read > 100)
  }

  private func askEverything(_ btf: BTF) {
    for id in [.void] + btf.typeIDs + [btf.endID] {
      _ = try? btf.type(id)
      _ = try? btf.name(of: id)
      _ = btf.size(of: id)
      _ = try? btf.declaration(of: id, name: "x")
      for row in (try? btf.layout(of: id)) ?? [] { _ = try? btf.field(row.name, in: id) }
    }
    _ = btf.enumerators(ofEnum: "prog_type")
    _ = btf.ids(named: "prog")
    _ = try? btf.field("place.high", of: "prog")
  }
}
