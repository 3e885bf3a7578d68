import Glibc
import GuestScopeGuestMemory
import TestSupport
import Testing

@testable import GuestScopeGDBStub

/// A stub that says something else, once, than it would: on the way to us its words were changed.
@Suite struct LieTests {
  /// A guest that its monitor has stopped after a session, and how many clients its stub had until then.
  private func stoppedAfterASession(
    _ version: String
  ) throws -> (qemu: FakeQEMU, clients: Int) {
    let qemu = FakeQEMU(version: version)
    _ = try qemu.connect()
    qemu.stopGuest()
    return (qemu, qemu.clients.count)
  }

  private func expectRuns(_ qemu: FakeQEMU, _ error: GuestMemError?) {
    #expect(qemu.runsSoon, "\(error.map { "\($0)" } ?? "no error")")
    #expect(error?.kind == .lost)
    qemu.expectClean()
  }

  @Test(arguments: FakeQEMU.ages, ["\u{1}\n", "SSH-2.0\r\n", "+", "-", "#00"])
  func noiseBeforeTheFirstWordLetsTheGuestGoOn(version: String, noise: String) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    qemu.change { $0.noise = noise }
    var error: GuestMemError?
    do throws(GuestMemError) { _ = try qemu.connect() } catch let failure { error = failure }
    #expect(qemu.runsSoon, "\(error.map { "\($0)" } ?? "no error")")
    // Another session finds nothing amiss.
    #expect(try qemu.connect().word() == 0x0101_0101_0101_0101)
    #expect(qemu.isRunning)
    qemu.expectClean()
  }

  @Test(arguments: FakeQEMU.ages, ["\u{1}\n", "SSH-2.0\r\n", "#00"])
  func noiseBeforeALaterWordLetsTheGuestGoOn(version: String, noise: String) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    let stub = try qemu.connect()
    qemu.change { $0.noise = noise }
    #expect(throws: PhysicalReadError.self) { try stub.word() }
    #expect(qemu.runsSoon)
    qemu.expectClean()
  }

  /// The one report of a stop that no client has seen is not taken for two.
  @Test(arguments: FakeQEMU.old, ["\u{1}\n", "SSH-2.0\r\n", "+", "-", "#00"])
  func noiseLetsNoGuestGoOnThatWasStopped(version: String, noise: String) throws {
    let (qemu, earlier) = try stoppedAfterASession(version)
    defer { qemu.end() }
    qemu.change { $0.noise = noise }
    _ = try? qemu.connect()
    usleep(100_000)
    #expect(!qemu.isRunning)
    #expect(qemu.clients.dropFirst(earlier).allSatisfy { $0.resumes == 0 })
  }

  /// Every connection hears what is not a gdbserver's.
  @Test(arguments: FakeQEMU.ages)
  func aGuestWhoseStubIsNeverUnderstoodGoesOn(version: String) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    qemu.change { $0.garblesPackets = true }
    #expect(throws: GuestMemError.self) { try qemu.connect() }
    #expect(qemu.runsSoon)
    qemu.expectClean()
  }

  @Test(arguments: FakeQEMU.ages)
  func aGuestThatIsToStayStoppedDoesSoWhereItsStubIsNeverUnderstood(version: String) throws {
    let qemu = FakeQEMU(version: version, isRunning: false)
    defer { qemu.end() }
    qemu.change { $0.garblesPackets = true }
    #expect(throws: GuestMemError.self) { try qemu.connect(leaveStopped: true) }
    #expect(qemu.waitForEnd(ofClients: 2))
    #expect(!qemu.isRunning)
    #expect(qemu.clients.allSatisfy { $0.resumes == 0 })
  }

  /// A real stub that is not QEMU's gives the same answer twice.
  @Test(arguments: FakeQEMU.new, ["qqemu.PhyMemMode", "qRcmd", "qSupported"])
  func anAnswerThatOnlyAnotherStubGivesIsAskedForAgain(version: String, packet: String) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    qemu.change { $0.unanswered = packet }
    do throws(GuestMemError) { _ = try qemu.connect() } catch { expectRuns(qemu, error) }
    #expect(qemu.isRunning)
    qemu.expectClean()
  }

  /// What QEMU had to say of an earlier stop is gone with a connection that breaks.
  @Test(arguments: FakeQEMU.ages)
  func aGuestThatWasLeftStoppedIsNotLetGoForABrokenLink(version: String) throws {
    for bytes in 0..<80 {
      let qemu = FakeQEMU(version: version, isRunning: false)
      defer { qemu.end() }
      let stub = try qemu.connect(leaveStopped: true)
      qemu.change { $0.cutsAfter = bytes }
      #expect(throws: PhysicalReadError.self) { try stub.word() }
      #expect(!qemu.isRunning, "cut after \(bytes) bytes")
      #expect(qemu.clients.allSatisfy { $0.resumes == 0 })
    }
  }

  /// A stop that the monitor caused lies there unacknowledged, and reads as the first of two.
  @Test(arguments: FakeQEMU.ages)
  func aGuestThatIsToStayStoppedDoesSoWhereTheFirstContactBreaks(version: String) throws {
    for bytes in 0..<80 {
      let (qemu, earlier) = try stoppedAfterASession(version)
      defer { qemu.end() }
      qemu.change { $0.cutsAfter = bytes }
      #expect(throws: GuestMemError.self) { try qemu.connect(leaveStopped: true) }
      #expect(!qemu.isRunning, "cut after \(bytes) bytes")
      #expect(qemu.clients.dropFirst(earlier).allSatisfy { $0.resumes == 0 })
    }
  }
}
