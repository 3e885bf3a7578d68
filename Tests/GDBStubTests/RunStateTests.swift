import GuestScopeGDBStub
import GuestScopeGuestMemory
import TestSupport
import Testing

/// A stub to test with, and what it was told.
final class Notices {
  var texts: [String] = []
}

extension FakeQEMU {
  static let old = ["5.2.0", "7.2.22", "8.0.5"]
  static let new = ["8.1.0", "10.0.2", "11.1.3"]
  static let ages = old + new

  convenience init(version: String, isRunning: Bool = true, pausedReason: String? = nil) {
    var machine = Machine()
    machine.version = version
    for index in machine.ram.indices { machine.ram[index] = UInt8(truncatingIfNeeded: index / 8) }
    self.init(machine, isRunning: isRunning, pausedReason: pausedReason)
  }

  func connect(
    leaveStopped: Bool = false, notices: Notices = Notices(),
    timeout: Duration = .seconds(5), debt: ResumeDebt = ResumeDebt(),
    isInterrupted: @escaping () -> Bool = { false }
  ) throws(GuestMemError) -> QEMUStub {
    var options = StubOptions()
    (options.timeout, options.leaveStopped) = (timeout, leaveStopped)
    // A machine that is busy is a long way off.
    options.notice = { if !$0.hasPrefix("the way to ") { notices.texts.append($0) } }
    options.isInterrupted = isInterrupted
    return try QEMUStub(.tcp(host: "127.0.0.1", port: port), options: options, debt: debt)
  }

  /// No byte ever came while the guest ran, and nobody let it go on twice.
  func expectClean(sourceLocation: SourceLocation = #_sourceLocation) {
    for client in clients {
      #expect(client.strayBytes == 0, sourceLocation: sourceLocation)
      #expect(client.resumes <= 1, sourceLocation: sourceLocation)
    }
  }
}

extension QEMUStub {
  /// By default one that is not 0, as holes are.
  func word(_ address: UInt64 = 0x808) throws(PhysicalReadError) -> UInt64 {
    try u64(at: PhysicalAddress(address))
  }
}

@Suite struct RunStateTests {
  @Test(arguments: FakeQEMU.ages)
  func aRunningGuestRunsAgainAfterEveryConnection(version: String) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    let stub = try qemu.connect()
    #expect(stub.runState == .running)
    #expect(qemu.isRunning)
    for _ in 0..<3 {
      #expect(try stub.word() == 0x0101_0101_0101_0101)
      #expect(qemu.isRunning)
    }
    #expect(qemu.clients.allSatisfy { $0.resumes == 1 })
    #expect(qemu.physicalMemoryMode == false)
    qemu.expectClean()
  }

  @Test(arguments: FakeQEMU.ages, ["prelaunch", "guest-panicked", "io-error"])
  func aGuestStoppedForAReasonStaysStopped(version: String, reason: String) throws {
    let qemu = FakeQEMU(version: version, isRunning: false, pausedReason: reason)
    defer { qemu.end() }
    let stub = try qemu.connect()
    #expect(stub.runState == .stopped(reason: reason))
    #expect(stub.consistency == .frozen)
    _ = try stub.word()
    #expect(!qemu.isRunning)
    #expect(qemu.clients.allSatisfy { $0.resumes == 0 })
    #expect(qemu.physicalMemoryMode == false)
  }

  @Test(arguments: FakeQEMU.ages)
  func plainPausedWithoutAWordIsStoppedUpTo8_0AndRunningSince(version: String) throws {
    let qemu = FakeQEMU(version: version, isRunning: false)
    defer { qemu.end() }
    let notices = Notices()
    let stub = try qemu.connect(notices: notices)
    let isOld = FakeQEMU.old.contains(version)
    #expect(stub.runState == (isOld ? .stopped(reason: nil) : .running))
    #expect(qemu.isRunning == !isOld)
    #expect(qemu.clients[0].resumes == (isOld ? 0 : 1))
    // Who is resumed against his will may know of the option.
    #expect(notices.texts.contains { $0.contains("--leave-stopped") } == !isOld)
    #expect(notices.texts.contains { $0.contains("is left stopped: type cont") } == isOld)
    qemu.expectClean()
  }

  @Test(arguments: FakeQEMU.ages)
  func aGuestThatIsToBeLeftStoppedIs(version: String) throws {
    let qemu = FakeQEMU(version: version, isRunning: false)
    defer { qemu.end() }
    let stub = try qemu.connect(leaveStopped: true)
    _ = try stub.word()
    #expect(stub.runState == .stopped(reason: nil))
    #expect(!qemu.isRunning)
    #expect(qemu.clients.allSatisfy { $0.resumes == 0 })
    qemu.letGuestRun()
    _ = try stub.word()
    #expect(qemu.isRunning)
    qemu.expectClean()
  }

  @Test(arguments: FakeQEMU.old)
  func aGuestThatWasSeenRunningRunsOnWhateverTheUserBelieved(version: String) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    #expect(try qemu.connect(leaveStopped: true).runState == .running)
    #expect(qemu.isRunning)
  }

  @Test(arguments: FakeQEMU.ages)
  func somebodysStopBetweenTwoOfOursStays(version: String) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    let notices = Notices()
    let stub = try qemu.connect(notices: notices)
    _ = try stub.word()
    notices.texts = []
    let before = qemu.clients.count
    qemu.stopGuest()
    _ = try stub.word()
    #expect(!qemu.isRunning)
    #expect(stub.runState == .stopped(reason: nil))
    #expect(notices.texts.map { $0.contains("type cont") } == [true])
    #expect(qemu.clients[before...].allSatisfy { $0.resumes == 0 })
    // From then on it is theirs: stopped, or let go.
    _ = try stub.word()
    #expect(!qemu.isRunning)
    qemu.letGuestRun()
    _ = try stub.word()
    #expect(qemu.isRunning)
    #expect(stub.runState == .running)
    #expect(notices.texts.count == 2)
    qemu.expectClean()
  }

  /// What one looks for after a crash: a `c` would let it go on, and reboot.
  @Test(arguments: FakeQEMU.ages, ["guest-panicked", nil])
  func aGuestThatStoppedInBetweenIsNotLetGoForAMoment(version: String, reason: String?) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    let notices = Notices()
    let stub = try qemu.connect(notices: notices)
    notices.texts = []
    let before = qemu.clients.count
    qemu.stopGuest(reason: reason)
    #expect(try stub.word() == 0x0101_0101_0101_0101)
    #expect(!qemu.isRunning)
    #expect(stub.runState == .stopped(reason: reason))
    #expect(qemu.clients[before...].allSatisfy { $0.resumes == 0 })
    #expect(notices.texts.count == 1)
    qemu.expectClean()
  }

  /// -S, then `cont` and `stop` in the monitor: the reason is another one, and it is stopped.
  @Test(arguments: FakeQEMU.ages)
  func aGuestThatRanInBetweenAndIsStoppedAgainStaysSo(version: String) throws {
    let qemu = FakeQEMU(version: version, isRunning: false, pausedReason: "prelaunch")
    defer { qemu.end() }
    let stub = try qemu.connect()
    qemu.letGuestRun()
    qemu.stopGuest()
    _ = try stub.word()
    #expect(!qemu.isRunning)
    #expect(stub.runState == .stopped(reason: nil))
  }

  @Test(arguments: FakeQEMU.ages)
  func aGuestThatWasLetGoBetweenTwoOfOurStopsRunsOn(version: String) throws {
    let qemu = FakeQEMU(version: version, isRunning: false, pausedReason: "prelaunch")
    defer { qemu.end() }
    let notices = Notices()
    let stub = try qemu.connect(notices: notices)
    #expect(notices.texts.map { $0.contains("prelaunch") } == [true])
    qemu.letGuestRun()
    _ = try stub.word()
    #expect(qemu.isRunning)
    #expect(stub.runState == .running)
    #expect(notices.texts.count == 2)
    _ = try stub.word()
    #expect(qemu.isRunning)
    qemu.expectClean()
  }

  // MARK: Other clients

  /// A gdb that detached leaves a running guest, and from 8.1 on nothing that would tell.
  @Test(arguments: FakeQEMU.ages)
  func aGuestThatAnotherDebuggerLeftRunsOn(version: String) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    let notices = Notices()
    let stub = try qemu.connect(notices: notices)
    for _ in 0..<2 {
      notices.texts = []
      qemu.attachAndDetach()
      #expect(try stub.word() == 0x0101_0101_0101_0101)
      #expect(qemu.isRunning)
      #expect(stub.runState == .running)
      #expect(notices.texts.count == (FakeQEMU.old.contains(version) ? 0 : 1))
    }
    qemu.expectClean()
  }

  /// One that was killed leaves it stopped. Up to 8.0 that shows; later it looks like the above.
  @Test(arguments: FakeQEMU.ages)
  func aGuestThatAnotherDebuggerLeftStoppedStaysSoWhereThatIsKnown(version: String) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    let stub = try qemu.connect()
    qemu.attachAndDie()
    _ = try stub.word()
    #expect(qemu.isRunning != FakeQEMU.old.contains(version))
    qemu.expectClean()
  }

  /// Each run of the program is a first contact; the mark that the one before left is seen.
  @Test(arguments: FakeQEMU.ages)
  func aGuestThatStoppedAfterUsIsLeftSoByEachSessionThatFollows(version: String) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    _ = try qemu.connect().word()
    let before = qemu.clients.count
    qemu.stopGuest()
    for _ in 0..<3 {
      let notices = Notices()
      let stub = try qemu.connect(notices: notices)
      #expect(stub.runState == .stopped(reason: nil))
      #expect(notices.texts.count == 1)
      _ = try stub.word()
      #expect(!qemu.isRunning)
    }
    #expect(qemu.clients[before...].allSatisfy { $0.resumes == 0 })
    // And runs when somebody lets it go.
    qemu.letGuestRun()
    #expect(try qemu.connect().runState == .running)
    #expect(qemu.isRunning)
    qemu.expectClean()
  }

  @Test(arguments: [false, true])
  func thePhysicalMemoryModeIsLeftAsItWasFound(mode: Bool) throws {
    var machine = FakeQEMU.Machine()
    machine.physicalMemoryMode = mode
    let qemu = FakeQEMU(machine)
    defer { qemu.end() }
    let stub = try qemu.connect()
    _ = try stub.word()
    #expect(qemu.physicalMemoryMode == mode)
  }
}
