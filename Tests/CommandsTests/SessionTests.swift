import Foundation
import GuestScopeGDBStub
import GuestScopeGuestMemory
import TestSupport
import Testing

@testable import Commands

/// What a session keeps when its connection ends.
@Suite struct SessionTests {
  private func session(_ qemu: FakeQEMU, _ options: String...) throws -> Session {
    let console = Console(output: STDOUT_FILENO, errors: open("/dev/null", O_WRONLY))
    return Session(
      try SessionOptions.parse(["-c", "127.0.0.1:\(qemu.port)"] + options), console: console,
      debt: ResumeDebt(), isShared: true)
  }

  private func qemu(isRunning: Bool = true) -> FakeQEMU {
    var machine = FakeQEMU.Machine()
    machine.version = "10.0.2"
    return FakeQEMU(machine, isRunning: isRunning)
  }

  /// The monitor's `stop`, then `loadvm` of another boot.
  @Test func aGuestThatIsStoppedStaysSoWhenItIsLookedForAnew() throws {
    let qemu = qemu()
    defer { qemu.end() }
    let session = try session(qemu)
    _ = try session.source
    qemu.stopGuest()
    try session.source.hold()
    #expect(try session.source.runState == .stopped(reason: nil))
    let before = qemu.clients.count
    for _ in 0..<2 {
      session.disconnect()
      #expect(try session.source.runState == .stopped(reason: nil))
    }
    #expect(!qemu.isRunning)
    #expect(qemu.clients[before...].allSatisfy { $0.resumes == 0 })
  }

  @Test func leaveStoppedIsForTheFirstContactOnly() throws {
    let qemu = qemu(isRunning: false)
    defer { qemu.end() }
    let session = try session(qemu, "--leave-stopped")
    #expect(try session.source.runState == .stopped(reason: nil))
    session.disconnect()
    qemu.replace(isRunning: true)
    #expect(try session.source.runState == .running)
    #expect(qemu.waitForEnd(ofClients: qemu.clients.count))
    #expect(qemu.isRunning)
    qemu.end()
  }

  @Test func aFirstContactThatFailsIsNone() throws {
    let qemu = qemu(isRunning: false)
    defer { qemu.end() }
    let session = try session(qemu, "--leave-stopped")
    qemu.change { $0.hasDescription = false }
    #expect(throws: GuestMemError.self) { try session.source }
    qemu.change { $0.hasDescription = true }
    #expect(try session.source.runState == .stopped(reason: nil))
    #expect(!qemu.isRunning)
  }

  @Test func whatAConnectionCostIsCountedAfterIt() throws {
    let qemu = qemu()
    defer { qemu.end() }
    let session = try session(qemu)
    let page = [PhysicalRange(PhysicalAddress(0), count: 64)]
    for _ in 0..<2 {
      _ = try session.engine.memory.sample(ranges: page, registers: [])
      session.disconnect()
    }
    let spent = session.takeStatistics()
    #expect(spent.stops.stops == qemu.clients.count)
    #expect((spent.reads, spent.bytes) == (2, 128))
    #expect(session.takeStatistics().stops.stops == 0)
  }

  @Test(arguments: [
    (GuestMemError.Kind.absent, true), (.unreachable, true), (.silent, true), (.busy, true),
    (.lost, true),
    (.interrupted, true), (.unsupported, false), (.tooLarge, false),
  ])
  func anErrorIsOfTheConnectionOrNot(kind: GuestMemError.Kind, isOfConnection: Bool) {
    #expect(GuestMemError(kind, "").isOfConnection == isOfConnection)
  }
}
