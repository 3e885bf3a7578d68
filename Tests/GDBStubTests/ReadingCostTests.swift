import GuestScopeGuestMemory
import TestSupport
import Testing

@testable import GuestScopeGDBStub

@Suite struct ReadingCostTests {
  /// Stops of many kinds: single words, pages, and both.
  private static let loads = [(200, 1600), (60, 120_000), (100, 60_000), (30, 20_000)]

  /// Learns from stops of a stub that takes so many times as long as usual.
  private func learn(_ factor: Double, stops: Int, _ cost: inout ReadingCost) {
    for stop in 0..<stops {
      let (requests, bytes) = Self.loads[stop % Self.loads.count]
      let usual = Double(requests) * 8_000 + Double(bytes) * 4.5
      cost.note(requests: requests, bytes: bytes, took: .nanoseconds(Int64(usual * factor)))
    }
  }

  @Test(arguments: [
    // What a fast stub saves is used; what a slow one takes more is partly in the nominal share.
    (0.01, 1 / 8.0), (0.25, 0.25), (0.5, 0.5), (1.0, 1.0), (1.4, 1.0), (3.0, 2.1), (8.0, 5.6),
    (100.0, 8.0),
  ])
  func fourStopsTeachHowSlowAStubIs(factor: Double, slowness: Double) {
    var cost = ReadingCost()
    learn(factor, stops: 3, &cost)
    #expect(cost.slowness == 1)
    learn(factor, stops: 1, &cost)
    #expect(abs(cost.slowness - slowness) < 0.001)
    #expect(abs(cost.request - 8_000 * slowness) < 10 && abs(cost.byte - 4.5 * slowness) < 0.01)
  }

  @Test func whatChangesIsLearntAgain() {
    var cost = ReadingCost()
    learn(6, stops: 100, &cost)
    learn(0.5, stops: 16, &cost)
    #expect(abs(cost.slowness - 0.5) < 0.001)
  }

  /// The stops that are made for a stub that is taken to be eight times slower are small.
  @Test func aSlowStubThatIsFastAgainIsBelieved() {
    var cost = ReadingCost()
    learn(100, stops: 16, &cost)
    #expect(cost.slowness == 8)
    for _ in 0..<16 {
      cost.note(requests: 15, bytes: 960, took: .nanoseconds(15 * 8_000 + 960 * 4.5))
    }
    #expect(cost.slowness == 1)
  }

  @Test func busyMomentsAreNotSeen() {
    var cost = ReadingCost()
    for stop in 0..<200 {
      learn(stop % 5 < 2 ? 20 : 1, stops: 1, &cost)
      if stop > 16 { #expect(cost.slowness == 1) }
    }
  }

  @Test func aStopThatShowsNothingTeachesNothing() {
    var cost = ReadingCost()
    for _ in 0..<20 {
      cost.note(requests: 20, bytes: 200, took: .milliseconds(5))
      cost.note(requests: 0, bytes: 0, took: .milliseconds(5))
      cost.note(requests: 100, bytes: 100_000, took: .zero)
      cost.note(requests: 100, bytes: 100_000, took: .milliseconds(-3))
    }
    #expect(cost.slowness == 1)
  }

  /// A stub that takes some 0.1 ms a read, six times as long as usual: the stops of a long read
  /// become as short as they may be.
  @Test func stopsOfASlowStubBecomeShorter() throws {
    var machine = FakeQEMU.Machine()
    machine.readTime = .microseconds(50)
    machine.ram = [UInt8](repeating: 7, count: 3 << 20)
    let qemu = FakeQEMU(machine)
    defer { qemu.end() }
    var options = StubOptions()
    options.maxPause = .milliseconds(5)
    let stub = try QEMUStub(.tcp(host: "127.0.0.1", port: qemu.port), options: options)
    let before = qemu.clients.count
    let range = PhysicalRange(PhysicalAddress(0), count: 3 << 20)
    let bytes = try SnapshotEngine(stub).readStatic([range])[0].get()
    #expect(bytes == machine.ram)
    let reads = qemu.clients[before...].map { $0.packets.count { $0.hasPrefix("m") } }
    // By the usual costs 5 ms are enough for 200, or for half of them where a stop itself takes long. Each
    // takes 50 µs at the least.
    #expect(reads[0] > 100, "\(reads)")
    #expect(reads[reads.count - 2] < reads[0], "\(reads)")
    #expect(reads[reads.count - 2] <= 70, "\(reads)")
  }
}
