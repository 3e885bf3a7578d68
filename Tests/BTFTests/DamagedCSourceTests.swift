import GuestScopeBTF
import TestSupport
import Testing

/// Damaged types in C: a header or an error, within bounds.
@Suite struct DamagedCSourceTests {
  private func int() -> BTFBuilder {
    var builder = BTFBuilder()
    builder.int("int", size: 4)
    builder.int("char", size: 1)
    return builder
  }

  @Test func typesThatContradictEachOtherAreRefused() throws {
    var overlap = int()
    overlap.composite(.struct, "s", size: 8, [("a", 1, 0), ("b", 1, 16)])
    var small = int()
    small.composite(.struct, "s", size: 2, [("a", 1, 0)])
    var itself = int()
    itself.composite(.struct, "s", size: 4, [("a", 3, 0)])
    var doubling = int()
    doubling.composite(.struct, "", size: 4, [("x", 1, 0)])
    for level in 3...40 {
      doubling.composite(
        .union, level == 40 ? "all" : "", size: 4, [("", UInt32(level), 0), ("", UInt32(level), 0)])
    }
    var huge = int()
    huge.add(.array, "", 0, [1, 1, .max])
    huge.add(.array, "", 0, [3, 1, 1 << 28])
    huge.composite(.struct, "s", size: 4, [("a", 4, 0)])
    for builder in [overlap, small, itself, doubling, huge] {
      let btf = try BTF(builder.blob)
      #expect(throws: BTFError.self) { try btf.sourceInC() }
    }
  }

  @Test func damagedTypesAreWrittenOrRefused() throws {
    let blob = Sample.blob
    var written = 0
    for round in 0..<2000 {
      var random = SplitMix(state: UInt64(round))
      var damaged = blob
      for _ in 0..<3 {
        damaged[Int.random(in: 24..<blob.count, using: &random)] = UInt8.random(
          in: 0...255, using: &random)
      }
      guard let btf = try? BTF(damaged) else { continue }
      if let lines = try? btf.sourceInC() {
        written += 1
        #expect(lines.count < 100_000)
      }
    }
    #expect(written > 100)
    #expect(try Sample.btf().sourceInC().count > 50)
  }
}
