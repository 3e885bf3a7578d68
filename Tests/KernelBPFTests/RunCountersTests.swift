import GuestScopeKernelBPF
import Testing

@Suite struct RunCountersTests {
  @Test func sumsThatDoNotFitStayAtTheLargestNumber() {
    let most = RunCounters(cnt: .max, nsecs: .max - 1, misses: .max)
    let sum = most + RunCounters(cnt: 1, nsecs: 1, misses: .max)
    #expect(sum == RunCounters(cnt: .max, nsecs: .max, misses: .max))
    #expect(sum + sum == sum)
  }

  @Test func aSumWithoutMissesHasNone() {
    let with = RunCounters(cnt: 1, nsecs: 2, misses: 3)
    let without = RunCounters(cnt: 1, nsecs: 2, misses: nil)
    #expect((with + without).misses == nil)
    #expect((with + with).misses == 6)
  }

  @Test(arguments: [0, 1, .max] as [UInt64], [0, 1, .max] as [UInt64])
  func ratesAreFiniteWhateverTheCounters(cnt: UInt64, other: UInt64) {
    let counters = RunCounters(cnt: cnt, nsecs: other, misses: other)
    #expect(counters.nsPerCall.isFinite && counters.nsPerCall >= 0)
    #expect((0...1).contains(counters.missRate))
  }

  @Test func ratesAreShares() {
    let counters = RunCounters(cnt: 100, nsecs: 200, misses: 3)
    #expect(counters.nsPerCall == 2)
    #expect(counters.missRate == 3.0 / 103)
    #expect(RunCounters(cnt: .max, nsecs: 0, misses: .max).missRate == 0.5)
    #expect(RunCounters(cnt: 0, nsecs: 5, misses: nil).nsPerCall == 0)
    #expect(RunCounters(cnt: 0, nsecs: 0, misses: 0).missRate == 0)
  }
}
