import Glibc
import GuestScopeGuestMemory
import TestSupport
import Testing

@testable import GuestScopeGDBStub

/// A link that breaks while the guest stands still for us.
@Suite struct RecoveryTests {
  /// Where nobody can know whether the guest ran, that is said: on QEMU up to 8.0, of a connection
  /// that broke before QEMU's second byte.
  private func isKnown(_ qemu: FakeQEMU, _ version: String, _ bytes: Int, _ error: String) -> Bool {
    let isKnown = !error.contains("may still be stopped")
    #expect(
      (isKnown ? qemu.runsSoon : qemu.isRunning) == isKnown,
      "QEMU \(version), cut after \(bytes) bytes: \(error)")
    return isKnown
  }

  @Test(arguments: ["7.2.22", "11.1.3"])
  func aFirstContactThatBreaksAtAnyByteLetsTheGuestGoOn(version: String) throws {
    // All of the first connection, and more than enough of those that follow.
    let places = Array(0..<200) + stride(from: 200, to: 1200, by: 7)
    let unknown = places.filter { bytes in
      let qemu = FakeQEMU(version: version)
      defer { qemu.end() }
      qemu.change { $0.cutsAfter = bytes }
      do { _ = try qemu.connect() } catch { return !isKnown(qemu, version, bytes, "\(error)") }
      #expect(bytes > 600)
      return false
    }
    #expect(unknown.prefix(while: { $0 < 50 }) == (FakeQEMU.old.contains(version) ? [0, 1] : []))
  }

  @Test(arguments: ["7.2.22", "11.1.3"])
  func aGlanceThatBreaksAtAnyByteLetsTheGuestGoOn(version: String) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    let stub = try qemu.connect()
    qemu.change { $0.cutsAfter = 1 << 30 }
    _ = try stub.word()
    var length = 0
    qemu.change {
      length = 1 << 30 - ($0.cutsAfter ?? 0)
      $0.cutsAfter = nil
    }
    #expect(length > 50)
    let unknown = (0..<length).filter { bytes in
      qemu.change { $0.cutsAfter = bytes }
      let error = #expect(throws: PhysicalReadError.self) { try stub.word() }
      let isKnown = isKnown(qemu, version, bytes, error.map { "\($0)" } ?? "")
      if !qemu.isRunning { qemu.letGuestRun() }
      #expect((try? stub.word()) == 0x0101_0101_0101_0101)
      return !isKnown
    }
    #expect(unknown == (FakeQEMU.old.contains(version) ? [0, 1] : []))
  }

  @Test(arguments: FakeQEMU.ages)
  func aHoldThatBreaksLetsTheGuestGoOn(version: String) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    let stub = try qemu.connect()
    try stub.hold()
    qemu.change { $0.cutsAfter = 3 }
    #expect(throws: PhysicalReadError.self) { try stub.word() }
    #expect(qemu.isRunning)
    try stub.hold()
    qemu.change { $0.cutsAfter = 0 }
    #expect(throws: GuestMemError.self) { try stub.release() }
    #expect(qemu.isRunning)
  }

  /// The connection that is to pay for a broken one breaks as well, at any of its bytes.
  @Test(arguments: FakeQEMU.ages, [0, 3, 25])
  func aSecondLinkThatBreaksLetsTheGuestGoOn(version: String, first: Int) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    let stub = try qemu.connect()
    let unknown = (0..<240).filter { bytes in
      qemu.change { ($0.cutsAfter, $0.cutsNextAfter) = (first, bytes) }
      let error = #expect(throws: PhysicalReadError.self) { try stub.word() }
      qemu.change { ($0.cutsAfter, $0.cutsNextAfter) = (nil, nil) }
      let isKnown = isKnown(qemu, version, bytes, error.map { "\($0)" } ?? "")
      if !qemu.isRunning { qemu.letGuestRun() }
      #expect((try? stub.word()) == 0x0101_0101_0101_0101)
      return !isKnown
    }
    // Up to 8.0 QEMU reports a stop to the connection that caused it, here the first.
    let isLost = FakeQEMU.old.contains(version) && first == 0
    #expect(unknown == (isLost ? Array(0..<240) : []))
  }

  /// The first connection has not reached the stub, so that the second stops the guest, and breaks.
  @Test(arguments: FakeQEMU.ages, [2, 10, 17, 20])
  func whatOnlyTheSecondLinkHasShownCounts(version: String, bytes: Int) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    let stub = try qemu.connect()
    qemu.change { ($0.dropsNext, $0.cutsAfter) = (true, bytes) }
    #expect(throws: PhysicalReadError.self) { try stub.word() }
    #expect(qemu.runsSoon)
  }

  /// The first connection has not reached the stub, which reports to the second that the guest is stopped.
  @Test(arguments: FakeQEMU.ages, [22, 30, 45])
  func aStopThatWasReportedToTheSecondLinkIsRemembered(version: String, bytes: Int) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    let stub = try qemu.connect()
    qemu.stopGuest()
    qemu.change { ($0.dropsNext, $0.cutsAfter) = (true, bytes) }
    #expect(throws: PhysicalReadError.self) { try stub.word() }
    #expect(!qemu.isRunning)
  }

  /// Somebody had stopped the guest, which the stub has reported to the connection that breaks then.
  @Test(arguments: FakeQEMU.ages, 22..<60)
  func aStopThatWasReportedBeforeTheBreakIsRemembered(version: String, bytes: Int) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    let stub = try qemu.connect()
    qemu.stopGuest()
    qemu.change { $0.cutsAfter = bytes }
    #expect(throws: PhysicalReadError.self) { try stub.word() }
    #expect(!qemu.isRunning)
  }

  /// QEMU reports a stop, and takes a while until it reads our greeting and says so again.
  @Test(arguments: FakeQEMU.ages)
  func anInterruptWhileDisksAreFlushedLetsTheGuestGoOn(version: String) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    var last = Int.max
    let stub = try qemu.connect(isInterrupted: { qemu.clients.count > last })
    // More than the time that an interrupt waits for the stub, and less than the next connection does.
    qemu.change { $0.flushTime = .milliseconds(150) }
    last = qemu.clients.count
    #expect(throws: PhysicalReadError.self) { try stub.word() }
    #expect(qemu.runsSoon)
  }

  /// A guest that has stopped by itself meanwhile is not let go, nor that of another QEMU.
  @Test(arguments: FakeQEMU.ages, [false, true])
  func whatTookItsPlaceIsLeftAsItIs(version: String, isAnother: Bool) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    let stub = try qemu.connect()
    try stub.hold()
    qemu.change { $0.cutsAfter = 3 }
    if isAnother {
      qemu.replace(isRunning: false)
    } else {
      qemu.stopGuest(reason: "guest-panicked")
    }
    let error = #expect(throws: PhysicalReadError.self) { try stub.word() }
    let isOld = FakeQEMU.old.contains(version)
    if isAnother {
      // From 8.1 on nobody can know of a guest that nobody has looked at yet.
      #expect(qemu.isRunning == !isOld)
    } else {
      #expect(!qemu.isRunning)
      #expect(error.map { "\($0)" }?.contains("guest-panicked") == true)
    }
  }

  @Test func aStubThatNeverComesBackIsSaidToHoldItsGuest() throws {
    let qemu = FakeQEMU(version: "7.2.22")
    let stub = try qemu.connect()
    try stub.hold()
    qemu.change { $0.cutsAfter = 3 }
    qemu.end()
    let start = ContinuousClock.now
    let error = #expect(throws: PhysicalReadError.self) { try stub.word() }
    #expect(error.map { "\($0)" }?.contains("it may still be stopped: type cont") == true)
    #expect(ContinuousClock.now - start < .seconds(20))
  }
}
