import GuestScopeGuestMemory
import TestSupport
import Testing

@Suite struct CoalescingTests {
  static let ram = RAMMap([0x1000..<0x3000, 0x3008..<0x5000, 0x10_0000..<0x20_0000])

  private func range(_ start: UInt64, _ count: Int) -> PhysicalRange {
    PhysicalRange(PhysicalAddress(start), count: count)
  }

  @Test func neighboursWithinTheGapAreReadAsOne() {
    let near = [range(0x1000, 8), range(0x1000 + 8 + 512, 8)]
    #expect(Self.ram.coalesce(near) == [range(0x1000, 528)])
    let far = [range(0x1000, 8), range(0x1000 + 8 + 520, 8)]
    #expect(Self.ram.coalesce(far) == far)
  }

  @Test func aGapThatIsNoRAMIsNeverReadAlong() {
    let sides = [range(0x2ff8, 8), range(0x3008, 8)]
    #expect(Self.ram.coalesce(sides) == sides)
  }

  @Test func rangesNotWhollyInOneRegionAreLeftOut() {
    let wrong = [
      range(0, 8), range(0x2ffc, 8), range(0x5000, 1), range(0x1000, 0), range(0x1000, -8),
      range(.max, 1), range(.max - 8, 100), range(0x1f_fff8, 9),
    ]
    #expect(Self.ram.coalesce(wrong).isEmpty)
  }

  @Test func regionsAtTheEndOfTheAddressSpaceAreJoinedToo() {
    let ram = RAMMap([UInt64.max - 0xfff..<UInt64.max])
    let high = range(.max - 0xff, 8)
    #expect(ram.coalesce([high, range(.max - 0xef, 8)]).count == 1)
  }

  @Test func whatIsReadHoldsAllThatWasWantedAndNothingOutsideRAM() {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SplitMix(state: seed)
    for _ in 0..<300 {
      let wanted = (0..<Int.random(in: 0...40, using: &random)).map { _ in
        range(
          UInt64.random(in: 0...0x6000, using: &random)
            + (Bool.random(using: &random) ? 0 : 0x10_0000),
          Int.random(in: -2...700, using: &random))
      }
      let gap = UInt64.random(in: 0...600, using: &random)
      let read = Self.ram.coalesce(wanted, gap: gap)
      for range in read {
        #expect(Self.ram.contains(range), "seed \(seed)")
        #expect(range.start.rawValue % 8 == 0 && range.count % 8 == 0, "seed \(seed)")
      }
      for (a, b) in zip(read, read.dropFirst()) {
        #expect(a.end < b.start, "seed \(seed)")
        let joinable = Self.ram.region(at: a.start) == Self.ram.region(at: b.start)
        #expect(b.start.rawValue - a.end.rawValue > gap || !joinable, "seed \(seed)")
      }
      for range in wanted where range.count > 0 && Self.ram.contains(range) {
        let holders = read.filter {
          $0.start <= range.start && range.end.rawValue <= $0.end.rawValue
        }
        #expect(holders.count == 1, "seed \(seed)")
      }
      // Nothing but what was wanted, widened to words, and gaps.
      let wantedBytes = wanted.filter { $0.count > 0 && Self.ram.contains($0) }
        .reduce(0) { $0 + $1.count + 14 + Int(gap) }
      #expect(read.reduce(0) { $0 + $1.count } <= wantedBytes, "seed \(seed)")
    }
  }

  @Test func batchesKeepTheLimitsAndLoseNothing() {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SplitMix(state: seed)
    for _ in 0..<300 {
      var next: UInt64 = 0
      let ranges = (0..<Int.random(in: 0...30, using: &random)).map { _ in
        next += 8 * UInt64.random(in: 1...1000, using: &random)
        let count = 8 * Int.random(in: 1...2000, using: &random)
        defer { next += UInt64(count) }
        return range(next, count)
      }
      let limits = SampleLimits(
        readBytes: 8 * Int.random(in: 1...600, using: &random),
        reads: Int.random(in: 1...20, using: &random),
        bytes: 8 * Int.random(in: 600...4000, using: &random), pause: nil, stopCost: .zero,
        readCost: 0, byteCost: 0)
      let batches = limits.batches(ranges)
      for batch in batches { #expect(limits.admit(limits.load(batch)), "seed \(seed)") }
      #expect(joined(Array(batches.joined())) == joined(ranges), "seed \(seed)")
    }
  }

  private func joined(_ ranges: [PhysicalRange]) -> [PhysicalRange] {
    var joined: [PhysicalRange] = []
    for range in ranges {
      if joined.last?.end == range.start {
        joined[joined.count - 1].count += range.count
      } else {
        joined.append(range)
      }
    }
    return joined
  }

  @Test func aRAMMapIsSortedMergedAndOfWholeWords() {
    let map = RAMMap([0x3001..<0x3010, 0x1000..<0x2000, 0x2000..<0x2805, 0x4001..<0x4007, 8..<8])
    #expect(map.regions == [0x1000..<0x2800, 0x3008..<0x3010])
    #expect(map.byteCount == 0x1808)
    #expect(map.end == 0x3010)
    #expect(!map.contains(range(0x27f9, 8)))
    #expect(map.contains(range(0x27f8, 8)))
    #expect(RAMMap([UInt64.max - 3..<UInt64.max]).regions.isEmpty)
  }
}
