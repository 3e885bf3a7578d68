import TestSupport
import Testing

@testable import GuestScopeGuestMemory

@Suite struct PageCacheTests {
  private func isKnown(_ cache: PageCache, _ address: UInt64, _ count: Int) -> Bool {
    if case .known = cache.find(address, count: count) { true } else { false }
  }

  @Test func exactlyTheWordsThatWereStoredAreKnown() {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SplitMix(state: seed)
    let cache = PageCache()
    var known: Set<UInt64> = []
    for _ in 0..<60 {
      let start = UInt64.random(in: 0..<1024, using: &random) * 8
      let words = Int.random(in: 1...200, using: &random)
      let bytes = (0..<words * 8).map { UInt8(truncatingIfNeeded: start / 8 + UInt64($0) / 8) }
      cache.store(bytes, at: PhysicalAddress(start))
      for word in 0..<UInt64(words) { known.insert(start / 8 + word) }
    }
    for address in 0..<UInt64(10_000) {
      for count in [1, 4, 8] where address & 0xfff <= UInt64(4096 - count) {
        let words = address / 8...(address + UInt64(count) - 1) / 8
        #expect(
          isKnown(cache, address, count) == words.allSatisfy(known.contains),
          "\(address)+\(count), seed \(seed)")
      }
      if case .known(let offset) = cache.find(address, count: 1) {
        #expect(cache.load(UInt8.self, at: offset) == UInt8(truncatingIfNeeded: address / 8))
      }
    }
  }

  @Test(arguments: [0, 63 * 8, 64 * 8, 511 * 8] as [UInt64])
  func aWordAtTheEdgeOfAMaskOrPageIsKnownAlone(offset: UInt64) {
    let cache = PageCache()
    cache.store([UInt8](repeating: 7, count: 8), at: PhysicalAddress(0x5000 + offset))
    #expect(isKnown(cache, 0x5000 + offset, 8))
    #expect(!isKnown(cache, 0x5000 + offset &- 8, 8))
    #expect(!isKnown(cache, 0x5000 + offset + 8, 1))
  }

  @Test func aWholePageIsKnownFromEndToEnd() {
    let cache = PageCache()
    cache.store([UInt8](repeating: 1, count: 4096), at: PhysicalAddress(0x1000))
    #expect(isKnown(cache, 0x1000, 4096))
    #expect(!isKnown(cache, 0x0ff8, 8) && !isKnown(cache, 0x2000, 8))
    #expect(cache.pageCount == 1)
  }

  @Test func whatIsStoredLaterCounts() {
    let cache = PageCache()
    for value in [1, 2] as [UInt8] {
      cache.store([UInt8](repeating: value, count: 16), at: PhysicalAddress(0x1ff8))
    }
    guard case .known(let offset) = cache.find(0x2000, count: 8) else {
      Issue.record("not known")
      return
    }
    #expect(cache.load(UInt64.self, at: offset) == 0x0202_0202_0202_0202)
  }

  @Test func anAbsenceHidesNothingThatIsKnown() {
    let cache = PageCache()
    cache.store([UInt8](repeating: 1, count: 8), at: PhysicalAddress(0x1000))
    cache.store(.outsideRAM, for: PhysicalRange(PhysicalAddress(0x1000), count: 0x1001))
    #expect(isKnown(cache, 0x1000, 8))
    for address in [0x1008, 0x2000] as [UInt64] {
      guard case .absent = cache.find(address, count: 8) else {
        Issue.record("\(address) is not absent")
        return
      }
    }
    if case .absent = cache.find(0x3000, count: 8) { Issue.record("the next page is absent") }
    cache.forgetAbsences()
    if case .absent = cache.find(0x2000, count: 8) { Issue.record("still absent") }
  }
}
