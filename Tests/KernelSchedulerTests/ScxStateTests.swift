import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport
import Testing

@testable import GuestScopeKernelScheduler

/// The state of sched_ext in memory that is written by hand.
@Suite struct ScxStateTests {
  private func state(_ guest: ScxGuest) throws -> Snapshot<ScxState> {
    try guest.snapshot { walk throws(ReadFault) in try walk.scxState() }
  }

  @Test(arguments: [true, false])
  func theStateIsWhatTheVariablesSay(hasScheds: Bool) throws {
    let snapshot = try state(.sample(hasScheds: hasScheds))
    #expect(snapshot.unreadable.isEmpty)
    let state = snapshot.value
    #expect(state.enabled == true && state.switchingAll == true && state.switchedAll == true)
    #expect(state.enableState == 1 && state.enableStateName == "enabled")
    #expect(state.rejected == 3 && state.hotplugSequence == 4 && state.enableSequence == 5)
    #expect(state.watchdogTimeout == 750 && state.watchdogMilliseconds == 3000)
    // In the scheduler, or a variable.
    #expect(state.bypassDepth == (hasScheds ? 1 : 2))
    #expect(state.aborting == (hasScheds ? false : nil))
    let scheduler = try #require(state.schedulers.first)
    #expect(state.schedulers.count == 1 && scheduler.name == "gs_test")
    #expect(scheduler.flagNames == ["SCX_OPS_ENQ_LAST", "SCX_OPS_SWITCH_PARTIAL"])
  }

  @Test func eventsAreSummedOverTheCPUs() throws {
    let scheduler = try #require(try state(.sample()).value.schedulers.first)
    #expect(scheduler.events?.map(\.cpu) == [0, 1])
    #expect(scheduler.events?.map { $0.counters[0].value } == [10, 11])
    #expect(scheduler.totals?.map(\.name) == ["SCX_EV_FALLBACK", "SCX_EV_KEEP_LAST"])
    #expect(scheduler.totals?.map(\.value) == [21, 200])
    #expect(try state(.sample(hasScheds: false)).value.schedulers.first?.events == nil)
  }

  @Test func withoutASchedulerThereIsAState() throws {
    let guest = ScxGuest.sample()
    guest.guest.ram.write(0 as UInt64, at: guest.guest.place("scx_root"))
    let state = try state(guest).value
    #expect(state.schedulers.isEmpty && state.enableSequence == 5 && state.bypassDepth == nil)
    let older = ScxGuest.sample(hasScheds: false)
    older.guest.ram.write([UInt8](repeating: 0, count: 128), at: older.scheduler + 16)
    #expect(try self.state(older).value.schedulers.isEmpty)
  }

  /// Kallsyms of such a kernel has functions only.
  @Test func aKernelThatDoesNotShowItsVariablesIsNotOneWithoutIt() throws {
    let guest = ScxGuest.sample()
    for name in guest.guest.symbols.keys where name.contains("scx_") {
      guest.guest.symbols[name] = nil
    }
    let error = #expect(throws: SnapshotError.self) { try state(guest) }
    #expect("\(try #require(error))".contains("no symbol scx_"))
  }

  @Test func aKernelWithoutItSaysSo() throws {
    let guest = SyntheticGuest()
    let engine = SnapshotEngine(guest.memory)
    let kernel = try GuestKernel(try guest.image(), in: engine)
    let error = #expect(throws: SnapshotError.self) {
      try kernel.snapshot(engine) { walk throws(ReadFault) in try walk.scxState() }
    }
    #expect("\(try #require(error))".contains("no sched_ext (CONFIG_SCHED_CLASS_EXT"))
  }
}
