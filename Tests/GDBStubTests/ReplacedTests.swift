import GuestScopeGDBStub
import GuestScopeGuestMemory
import TestSupport
import Testing

/// Another QEMU at the same address: a restart, a restore, a migration. From 8.1 on it does not say
/// whether its guest ran, for nobody told it to, and is not taken for one whose guest somebody
/// stopped.
@Suite struct ReplacedTests {
  enum Contact: CaseIterable {
    case glance, hold
    /// Of a session whose guest was stopped.
    case look

    func make(_ stub: QEMUStub) throws {
      if self == .hold { try stub.hold() } else { _ = try stub.word() }
    }
  }

  private func stub(_ qemu: FakeQEMU, _ contact: Contact, _ notices: Notices) throws -> QEMUStub {
    let stub = try qemu.connect(notices: notices)
    if contact == .look {
      qemu.stopGuest()
      _ = try stub.word()
      #expect(stub.runState == .stopped(reason: nil))
      #expect(!qemu.isRunning)
    }
    notices.texts = []
    return stub
  }

  private func expectLost(_ body: () throws -> Void) {
    do {
      try body()
      Issue.record("an answer of another machine")
    } catch let error as GuestMemError {
      #expect(error.kind == .lost)
    } catch PhysicalReadError.source(let error) {
      #expect(error.kind == .lost)
      #expect(error.description.contains("another QEMU"))
    } catch {
      Issue.record("\(error)")
    }
  }

  @Test(arguments: FakeQEMU.new, Contact.allCases)
  func itsRunningGuestRunsOn(version: String, contact: Contact) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    let notices = Notices()
    let stub = try stub(qemu, contact, notices)
    qemu.replace(isRunning: true)
    expectLost { try contact.make(stub) }
    #expect(qemu.waitForEnd(ofClients: qemu.clients.count))
    #expect(qemu.isRunning)
    qemu.expectClean()
  }

  /// Up to 8.0 the next one tells by itself, and so a silent one has a guest that was stopped.
  @Test(arguments: FakeQEMU.old, Contact.allCases)
  func itsStoppedGuestStaysSoWhereThatIsKnown(version: String, contact: Contact) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    let stub = try stub(qemu, contact, Notices())
    qemu.replace(isRunning: false)
    expectLost { try contact.make(stub) }
    #expect(qemu.waitForEnd(ofClients: qemu.clients.count))
    #expect(!qemu.isRunning)
    qemu.expectClean()
  }

  @Test(arguments: FakeQEMU.ages, Contact.allCases)
  func itsGuestThatIsStoppedForAReasonStaysSo(version: String, contact: Contact) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    let stub = try stub(qemu, contact, Notices())
    let before = qemu.clients.count
    qemu.replace(isRunning: false, pausedReason: "prelaunch")
    expectLost { try contact.make(stub) }
    #expect(qemu.waitForEnd(ofClients: qemu.clients.count))
    #expect(!qemu.isRunning)
    #expect(qemu.clients[before...].allSatisfy { $0.resumes == 0 })
  }

  /// vCPUs are plugged in and out.
  @Test(arguments: FakeQEMU.new)
  func oneThreadIsEnoughToKnowItAgain(version: String) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    let notices = Notices()
    let stub = try qemu.connect(notices: notices)
    notices.texts = []
    qemu.stopGuest()
    qemu.change { $0.cpus = 5 }
    _ = try stub.word()
    #expect(stub.runState == .stopped(reason: nil))
    #expect(notices.texts.count == 1)
    #expect(!qemu.isRunning)
  }

  @Test(arguments: FakeQEMU.ages)
  func aHoldOfAGuestThatSomebodyStoppedNamesTheWayOut(version: String) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    let notices = Notices()
    let stub = try qemu.connect(notices: notices)
    notices.texts = []
    qemu.stopGuest()
    try stub.hold()
    #expect(notices.texts.map { $0.contains("type cont") } == [true])
    #expect(stub.runState == .stopped(reason: nil))
  }
}
