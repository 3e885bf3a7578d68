import Glibc
import GuestScopeGuestMemory
import TestSupport
import Testing

@testable import GuestScopeGDBStub

@Suite struct TroubleTests {
  private func failure(_ qemu: FakeQEMU) throws -> GuestMemError {
    try #require(#expect(throws: GuestMemError.self) { try qemu.connect() })
  }

  // MARK: Silence

  @Test(arguments: ["7.2.22", "10.0.2"])
  func aSilentStubGetsOneResumeWhenNoneWasUnderWay(version: String) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    qemu.occupy(true)
    let error = try failure(qemu)
    #expect(error.kind == .silent)
    #expect(error.description.contains("another debugger is attached"))
    // The other debugger leaves, and the stub takes what we had written.
    qemu.occupy(false)
    #expect(qemu.waitForEnd(ofClients: 1))
    #expect(qemu.clients[0].resumes == 1)
    #expect(qemu.isRunning)
    qemu.expectClean()
  }

  @Test(arguments: ["7.2.22", "10.0.2"])
  func aSilentStubGetsNoSecondResumeWhenOneWasUnderWay(version: String) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    let stub = try qemu.connect()
    let before = qemu.clients.count
    qemu.occupy(true)
    #expect(throws: PhysicalReadError.self) { try stub.word() }
    qemu.occupy(false)
    #expect(qemu.waitForEnd(ofClients: before + 1))
    #expect(qemu.clients[before].resumes == 1)
    #expect(qemu.isRunning)
    qemu.expectClean()
  }

  /// A port that QEMU does not serve itself says nothing of who is attached to QEMU.
  @Test func aPeerOnAForwardedPortDoesNotKeepUsAway() throws {
    let qemu = FakeQEMU(version: "7.2.22")
    defer { qemu.end() }
    #expect(LocalPeers.listener(port: qemu.port) == .other)
    #expect(LocalPeers.listener(port: qemu.port) { _ in true } == .qemu)
    #expect(LocalPeers.listener(port: 1) == .unknown)
    #expect(!LocalPeers.hasPeer(port: qemu.port))
    let other = try connectedSocket(to: qemu.port)
    #expect(LocalPeers.hasPeer(port: qemu.port))
    #expect(LocalPeers.hasListedPeer(port: qemu.port))
    #expect(try failure(qemu).kind == .silent)
    close(other)
    #expect(qemu.waitForEnd(ofClients: 1))
    #expect(try qemu.connect().word() == 0x0101_0101_0101_0101)
  }

  @Test(arguments: [
    ("/usr/bin/qemu-system-x86_64", true), ("/usr/libexec/qemu-kvm", true), ("/usr/bin/kvm", true),
    ("/usr/bin/ssh", false), ("/usr/bin/docker-proxy", false), ("", false),
  ])
  func qemuIsKnownByItsExecutable(path: String, isQEMU: Bool) {
    #expect(LocalPeers.isQEMU(path) == isQEMU)
  }

  // MARK: Other servers

  @Test(arguments: [
    "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "+OK POP3 ready\r\n",
    "-ERR unknown command\r\n", "220 smtp\r\n",
  ])
  func aServerThatIsNoGDBServerIsToldFromOne(greeting: String) throws {
    var machine = FakeQEMU.Machine()
    machine.greeting = greeting
    let qemu = FakeQEMU(machine)
    defer { qemu.end() }
    let error = try failure(qemu)
    #expect(error.kind == .unreachable, "\(error)")
  }

  @Test func nothingListeningSaysHowToStartIt() throws {
    let qemu = FakeQEMU(version: "7.2.22")
    qemu.end()
    var error = try failure(qemu)
    // It goes on listening for a moment.
    _ = try eventually {
      error = try failure(qemu)
      return error.kind == .absent
    }
    #expect(error.kind == .absent)
    #expect(error.description.contains("start QEMU with -s"))
  }

  @Test func aDescriptionOfDocumentsWithoutEndIsNotReadToItsEnd() throws {
    let qemu = FakeQEMU(version: "7.2.22")
    defer { qemu.end() }
    qemu.change { $0.moreDocuments = 200 }
    let stub = try qemu.connect()
    #expect(stub.wordRegisterNames.contains("cr3"))
    let reads = qemu.clients.flatMap(\.packets).filter { $0.hasPrefix("qXfer") }
    let names = Set(reads.map { String($0.split(separator: ":")[3]) })
    #expect(names.count == 32)
  }

  @Test func aHostThatNobodyKnowsIsSaidToBe() throws {
    let error = #expect(throws: GuestMemError.self) {
      try QEMUStub(.tcp(host: "no..host", port: 1))
    }
    #expect(error?.description.contains("cannot look up no..host: ") == true)
    #expect(error?.description.contains("No such device") == false)
  }

  // MARK: Errors on the way

  @Test(arguments: 1...5)
  func aStubThatClosesInTheProbeIsLost(packets: Int) throws {
    var machine = FakeQEMU.Machine()
    machine.closesAfter = packets
    let qemu = FakeQEMU(machine)
    defer { qemu.end() }
    #expect(try failure(qemu).kind == .lost)
    qemu.expectClean()
  }

  @Test func aStubThatClosesInAGlanceIsLostAndAnswersTheNext() throws {
    let qemu = FakeQEMU(version: "7.2.22")
    defer { qemu.end() }
    let stub = try qemu.connect()
    qemu.change { $0.closesAfter = 2 }
    let error = #expect(throws: PhysicalReadError.self) { try stub.word() }
    guard case .source(let cause)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(cause.kind == .lost)
    qemu.change { $0.closesAfter = nil }
    // That connection took the guest's stop with it.
    qemu.letGuestRun()
    _ = try stub.word()
    #expect(qemu.isRunning)
    qemu.expectClean()
  }

  @Test(arguments: FakeQEMU.ages)
  func aStubWithoutPhysicalMemoryIsRefusedAndItsGuestRunsIfThatIsKnown(version: String) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    qemu.change { $0.physicalMemoryMode = nil }
    let error = try failure(qemu)
    #expect(error.kind == .unsupported)
    #expect(error.description.contains("not that of QEMU's"))
    #expect(qemu.waitForEnd(ofClients: 1))
    // Where nothing said that connecting stopped it, a resume could be wrong.
    #expect(qemu.isRunning == FakeQEMU.old.contains(version))
    qemu.expectClean()
  }

  @Test(arguments: FakeQEMU.ages)
  func aStubWithoutADescriptionIsRefusedAndItsGuestRuns(version: String) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    qemu.change { $0.hasDescription = false }
    #expect(try failure(qemu).kind == .unsupported)
    #expect(qemu.waitForEnd(ofClients: 1))
    #expect(qemu.isRunning)
    qemu.expectClean()
  }

  @Test(arguments: FakeQEMU.ages)
  func aStubWithoutADescriptionIsRefusedAndAStoppedGuestStaysSo(version: String) throws {
    let qemu = FakeQEMU(version: version, isRunning: false, pausedReason: "prelaunch")
    defer { qemu.end() }
    qemu.change { $0.hasDescription = false }
    #expect(try failure(qemu).kind == .unsupported)
    #expect(qemu.waitForEnd(ofClients: 1))
    #expect(!qemu.isRunning)
    #expect(qemu.clients[0].resumes == 0)
  }

  /// Bytes without end, which is no silence.
  @Test(.timeLimit(.minutes(1)), arguments: [false, true])
  func anInterruptEndsAnAnswerThatHasNoEnd(isHeld: Bool) throws {
    let qemu = FakeQEMU(version: "7.2.22")
    defer { qemu.end() }
    var asked = -100
    let stub = try qemu.connect {
      asked += 1
      return asked > 1
    }
    if isHeld { try stub.hold() }
    qemu.change { $0.isRambling = true }
    asked = 0
    let error = #expect(throws: PhysicalReadError.self) { try stub.word() }
    guard case .source(let cause)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(cause.kind == .interrupted)
    #expect(!stub.isHeld)
  }

  @Test func anInterruptEndsTheWorkBeforeTheNextStop() throws {
    let qemu = FakeQEMU(version: "7.2.22")
    defer { qemu.end() }
    var options = StubOptions()
    var isInterrupted = false
    options.isInterrupted = { isInterrupted }
    let stub = try QEMUStub(.tcp(host: "127.0.0.1", port: qemu.port), options: options)
    let before = qemu.clients.count
    isInterrupted = true
    #expect(throws: PhysicalReadError.self) { try stub.word() }
    #expect(qemu.clients.count == before)
  }
}
