import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport
import Testing

@testable import GuestScopeKernelLog
@testable import GuestScopeKernelScheduler

/// Why a scheduler has left.
@Suite struct ScxExitTests {
  private func exits(_ guest: ScxGuest) throws -> Snapshot<[ScxExit]> {
    try guest.snapshot { walk throws(ReadFault) in try walk.scxExits() }
  }

  @Test(arguments: [true, false])
  func theKernelsOwnWordsAreRead(hasScheds: Bool) throws {
    let guest = ScxGuest.sample(hasScheds: hasScheds)
    #expect(try exits(guest).value.isEmpty)
    let dump = String(repeating: "a line of the dump\n", count: 500)
    guest.leave(
      kind: 1026, "runnable task stall", "task-12[12] failed to run for 5.000s",
      frames: [0xffff_ffff_8100_1000, 0xffff_ffff_8100_2000], dump: dump)
    let exit = try #require(try exits(guest).value.first)
    #expect(exit.source == .exitInfo && exit.name == "gs_test")
    #expect(exit.kind == 1026 && exit.kindName == "SCX_EXIT_ERROR_STALL" && exit.code == -7)
    #expect(exit.flagNames == ["SCX_EFLAG_INITIALIZED"])
    #expect(exit.reason == "runnable task stall")
    #expect(exit.message == "task-12[12] failed to run for 5.000s")
    #expect(exit.backtrace == [0xffff_ffff_8100_1000, 0xffff_ffff_8100_2000])
    #expect(exit.dump == dump)
  }

  @Test func aLongBacktraceIsRefused() throws {
    let guest = ScxGuest.sample()
    guest.leave(kind: 1024, "runtime error", "", frames: [], dump: "")
    guest.guest.ram.write(65 as UInt32, at: guest.exitInfo + 40)
    let error = #expect(throws: SnapshotError.self) { try exits(guest) }
    #expect("\(try #require(error))".contains("a backtrace of 65 functions"))
  }

  private func record(_ text: String, facility: UInt8 = 0, cpu: UInt32 = 0) -> LogRecord {
    LogRecord(
      sequence: 0, time: 7, level: .warning, facility: facility, caller: .cpu(cpu), text: text,
      isContinuation: false, isFinal: true)
  }

  @Test func theLogHasThemTheNewestFirst() {
    var log = KernelLog()
    log.records = [
      record(#"sched_ext: BPF scheduler "one" disabled (unregistered from user space)"#),
      record(#"sched_ext: BPF scheduler "two" disabled (runtime error)"#),
      record("another CPU's line", cpu: 1), record("sched_ext: two: a (bad) task"),
      record("   scx_exit+0x12/0x34"), record("   work+0x1/0x2"), record("something else"),
      // Anybody can write this.
      record(#"sched_ext: BPF scheduler "three" disabled (runtime error)"#, facility: 1),
      record(#"sched_ext: BPF scheduler "" disabled ()"#),
      record("sched_ext: BPF scheduler \" disabled ("),
    ]
    let exits = log.schedulerExits
    #expect(exits.map(\.name) == ["", "two", "one"])
    #expect(exits[1].reason == "runtime error" && exits[1].message == "a (bad) task")
    #expect(exits[1].loggedBacktrace == ["scx_exit+0x12/0x34", "work+0x1/0x2"])
    #expect(exits[2].message.isEmpty && exits[2].loggedBacktrace.isEmpty && exits[2].time == 7)
  }

  @Test func oneExitFromSeveralSourcesIsOne() {
    var first = ScxExit(source: .exitInfo, name: "one", reason: "runtime error", message: "bad")
    first.kindName = "SCX_EXIT_ERROR"
    var other = first
    other.kindName = "SCX_EXIT_ERROR_BPF"
    let logged = ScxExit(source: .kernelLog, name: "one", reason: "runtime error", message: "bad")
    let second = ScxExit(source: .kernelLog, name: "one", reason: "runtime error", message: "worse")
    var exits = [first]
    exits.add([other, logged, second])
    #expect(exits.map(\.message) == ["bad", "bad", "worse"])
    #expect(exits.map(\.kindName) == ["SCX_EXIT_ERROR", "SCX_EXIT_ERROR_BPF", nil])
  }

  @Test func aSchedulerMayLeaveTwiceInTheSameWords() {
    var held = ScxExit(source: .exitInfo, name: "one", reason: "runtime error", message: "bad")
    held.kindName = "SCX_EXIT_ERROR"
    let logged = [9, 5, 3].map { (time: UInt64) in
      var exit = ScxExit(source: .kernelLog, name: "one", reason: "runtime error", message: "bad")
      exit.time = time
      return exit
    }
    var exits = [held]
    exits.add(logged)
    #expect(exits.map(\.source) == [.exitInfo, .kernelLog, .kernelLog])
    // The log's newest is the one that is held.
    #expect(exits.map(\.time) == [9, 5, 3])
  }
}
