import GuestScopeGuestMemory
import TestSupport
import Testing

@testable import GuestScopeGDBStub

@Suite struct ReadingCostTests {
  /// A stop of a stub that takes so many nanoseconds a request and a byte.
  private func time(_ requests: Int, _ bytes: Int, _ request: Double, _ byte: Double) -> Duration {
    .nanoseconds(Int64(Double(requests) * request + Double(bytes) * byte))
  }

  /// Stops of many kinds: single words, pages, and both.
  private static let loads = [(200, 1600), (60, 120_000), (100, 60_000), (30, 20_000)]

  @Test(arguments: [
    (3_000.0, 2.0), (8_000, 4.5), (20_000, 15), (50_000, 4.5), (8_000, 30), (2_000, 9),
  ])
  func stopsOfManyKindsTeachBothCosts(request: Double, byte: Double) {
    var cost = ReadingCost()
    for _ in 0..<500 {
      for (requests, bytes) in Self.loads {
        cost.note(requests: requests, bytes: bytes, took: time(requests, bytes, request, byte))
      }
    }
    #expect(abs(cost.request / request - 1) < 0.05, "\(cost)")
    #expect(abs(cost.byte / byte - 1) < 0.05, "\(cost)")
  }

  @Test func aSlowStubIsKnownAfterAFewStops() {
    var cost = ReadingCost()
    for _ in 0..<6 {
      cost.note(requests: 50, bytes: 100_000, took: time(50, 100_000, 40_000, 22.5))
    }
    #expect(cost.request > 30_000 && cost.byte > 16, "\(cost)")
  }

  @Test func aBusyMomentIsSoonForgotten() {
    var cost = ReadingCost()
    var worst = 1.0
    for stop in 0..<200 {
      let time = time(60, 120_000, 8_000, 4.5)
      cost.note(requests: 60, bytes: 120_000, took: stop % 5 == 2 ? time * 20 : time)
      worst = max(worst, cost.byte / 4.5)
      if stop % 5 == 1 { #expect(cost.byte < 4.5 * 1.25, "\(cost)") }
    }
    #expect(worst < 2)
  }

  @Test(arguments: [(Duration.seconds(10), 8.0), (.nanoseconds(1), 1 / 8.0)])
  func theCostsStayWithinTheirBounds(time: Duration, factor: Double) {
    var cost = ReadingCost()
    for _ in 0..<1000 {
      for (requests, bytes) in Self.loads {
        cost.note(requests: requests, bytes: bytes, took: time)
      }
      // Few requests would take too little time to count once the stub is known to be quick.
      cost.note(requests: 4000, bytes: 8_000_000, took: time)
    }
    #expect(abs(cost.request / ReadingCost.usual.request / factor - 1) < 0.01, "\(cost)")
    #expect(abs(cost.byte / ReadingCost.usual.byte / factor - 1) < 0.01, "\(cost)")
  }

  @Test func aStopThatShowsNothingTeachesNothing() {
    var cost = ReadingCost()
    cost.note(requests: 3, bytes: 24, took: .milliseconds(5))
    cost.note(requests: 0, bytes: 0, took: .milliseconds(5))
    cost.note(requests: 100, bytes: 100_000, took: .zero)
    cost.note(requests: 100, bytes: 100_000, took: .milliseconds(-3))
    #expect(cost == ReadingCost())
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
    // By the usual costs 5 ms are enough for 200; each takes 50 µs at the least, and no stop at the
    // end of so long a read is planned for longer.
    #expect(reads[reads.count - 2] <= 70, "\(reads)")
    #expect(reads.max()! > reads[reads.count - 2], "\(reads)")
  }
}
