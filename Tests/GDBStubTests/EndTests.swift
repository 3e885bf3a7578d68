import Glibc
import GuestScopeGDBStub
import GuestScopeGuestMemory
import TestSupport
import Testing

/// Whether the guest runs after an end that nobody planned.
@Suite(.timeLimit(.minutes(2))) struct EndTests {
  enum End: CaseIterable { case silence, interrupt, signal }

  /// The stub answers when we have given up, and takes what we had written.
  @Test(arguments: ["7.2.22", "10.0.2"], End.allCases)
  func aSilentStubLeavesAGuestStoppedThatIsToBe(version: String, end: End) throws {
    let qemu = FakeQEMU(version: version, isRunning: false)
    defer { qemu.end() }
    qemu.occupy(true)
    let debt = ResumeDebt()
    var asked = 0
    #expect(throws: GuestMemError.self) {
      try qemu.connect(leaveStopped: true, debt: debt) {
        asked += 1
        // The first question comes before the connection.
        guard asked > 1 else { return false }
        if end == .signal { debt.pay() }
        return end == .interrupt
      }
    }
    qemu.occupy(false)
    #expect(qemu.waitForEnd(ofClients: 1))
    #expect(!qemu.isRunning)
    #expect(qemu.clients[0].resumes == 0)
  }

  @Test(arguments: FakeQEMU.old)
  func aGuestThatTurnsOutToHaveRunRunsOn(version: String) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    qemu.change { $0.physicalMemoryMode = nil }
    #expect(throws: GuestMemError.self) { try qemu.connect(leaveStopped: true) }
    #expect(qemu.waitForEnd(ofClients: 1))
    #expect(qemu.isRunning)
    qemu.expectClean()
  }

  @Test func whatLetsAGuestGoOnIsTraced() throws {
    let qemu = FakeQEMU(version: "7.2.22")
    defer { qemu.end() }
    var sent: [String] = []
    var options = StubOptions()
    options.trace = { way, bytes in
      if way == .sent { sent.append(String(decoding: bytes, as: UTF8.self)) }
    }
    var stub: QEMUStub? = try QEMUStub(.tcp(host: "127.0.0.1", port: qemu.port), options: options)
    try stub?.hold()
    // An optimised build ends it after its last use.
    withExtendedLifetime(stub) { sent = [] }
    stub = nil
    #expect(sent.last?.hasSuffix("$c#63") == true)
  }

  @Test func whatStopsTheProgramWaitsUntilNoGuestStandsStill() throws {
    let qemu = FakeQEMU(version: "7.2.22")
    defer { qemu.end() }
    let debt = ResumeDebt()
    let stub = try qemu.connect(debt: debt)
    var ran: [Bool] = []
    debt.whenClear { ran.append(qemu.isRunning) }
    #expect(ran == [true])
    try stub.hold()
    // A guest that the user holds is not waited for. If it were, this would never end.
    debt.whenClear(attempts: .max, isMeant: { true }, { ran.append(qemu.isRunning) })
    let start = ContinuousClock.now
    debt.whenClear { ran.append(qemu.isRunning) }
    #expect(ContinuousClock.now - start > .milliseconds(1000))
    #expect(ran == [true, false, false])
    #expect(!qemu.isRunning)
    try stub.release()
    #expect(qemu.isRunning)
    qemu.expectClean()
  }

  /// Who is told may take his time: a terminal that is stopped, a full pipe.
  @Test(arguments: [End.silence, .interrupt])
  func aHoldThatEndsByAnErrorEndsBeforeTheUserIsTold(end: End) throws {
    let qemu = FakeQEMU(version: "7.2.22")
    defer { qemu.end() }
    var told: [Bool] = []
    var asked = -100
    var options = StubOptions()
    options.timeout = .seconds(3)
    options.isInterrupted = {
      asked += 1
      return end == .interrupt && asked > 1
    }
    options.notice = { text in
      guard text == "the hold has ended" else { return }
      told.append(qemu.runsSoon)
    }
    let stub = try QEMUStub(.tcp(host: "127.0.0.1", port: qemu.port), options: options)
    try stub.hold()
    _ = stub.takeStatistics()
    qemu.change { $0.isMute = true }
    // From here on the second question: the first comes before the write.
    asked = 0
    #expect(throws: PhysicalReadError.self) { try stub.word() }
    #expect(told == [true])
    #expect(!stub.isHeld)
    #expect(stub.takeStatistics().stops == 1)
    qemu.expectClean()
  }
}
