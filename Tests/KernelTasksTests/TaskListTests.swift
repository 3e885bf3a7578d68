import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport
import Testing

@testable import GuestScopeKernelTasks

/// Tasks of a guest whose memory is written by hand.
@Suite struct TaskListTests {
  private func sample() -> TaskGuest {
    let guest = TaskGuest()
    guest.add(1, "init")
    guest.add(2, "kthreadd", flags: 0x20_0000)
    guest.add(
      11, parent: 2, "rcu_tasks_kthread", state: 0x402, flags: 0x20_0000,
      fullName: "rcu_tasks_kthread")
    guest.add(90, parent: 1, "waits", state: 2, lastRan: 3_000)
    guest.add(91, tgid: 90, parent: 1, "runs", state: 0, lastRan: 9_000)
    guest.add(70_000, parent: 90, "wants", state: 0, lastRan: 4_000, lastQueued: 8_000)
    guest.addGroup(95)
    guest.run(nil, onCPU: 1, clock: 9_900, taskClock: 9_000)
    guest.run(91, onCPU: 0, clock: 10_000)
    guest.finish()
    return guest
  }

  @Test func tasksAreWhatTheirMembersSay() throws {
    let snapshot = try sample().list()
    #expect(snapshot.unreadable.isEmpty)
    let tasks = snapshot.value.tasks
    #expect(tasks.map(\.pid) == [1, 2, 11, 90, 91, 70_000])
    #expect(tasks.map(\.tgid) == [1, 2, 11, 90, 90, 70_000])
    // The first task of a process is its parent, and not the thread that forked.
    #expect(tasks.map(\.parent) == [0, 0, 2, 1, 1, 90])
    #expect(tasks.map { "\($0.state)" }.joined() == "SSIDRR")
    #expect(tasks[2].comm == "rcu_tasks_kthre" && tasks[2].name == "rcu_tasks_kthread")
    #expect(tasks.map(\.isKernelThread) == [false, true, true, false, false, false])
    #expect(tasks.allSatisfy { $0.cpu == 1 && $0.schedulingClass == "fair" })
  }

  @Test func whatRunsAndForHowLongOthersHaveNotIsByTheNewestClock() throws {
    let list = try sample().list().value
    #expect(list.running?.map(\.pid) == [91, 0])
    #expect(list.running?.map(\.comm) == ["runs", "swapper"])
    #expect(list.tasks.map(\.isRunning) == [false, false, false, false, true, false])
    // Those without a time have not run since they were started. CPU 1 has spent 900 in interrupts.
    #expect(list.tasks.map(\.idle) == [nil, nil, nil, 6_100, 0, 5_100])
  }

  @Test func aTaskIsStuckThatDoesNotGetWhatItWaitsFor() throws {
    let tasks = try sample().list().value.tasks
    #expect(tasks.map(\.waiting) == [nil, nil, nil, nil, nil, 2_000])
    #expect(tasks.map(\.stuck) == [nil, nil, nil, 6_100, nil, 2_000])
  }

  /// Load balancing has moved it while it slept, since when it has not run.
  @Test func aTaskThatWasMovedWhileItSleptHasSleptSinceItRan() throws {
    let guest = TaskGuest()
    guest.add(90, "moved", state: 2, lastArrival: 2_500)
    guest.run(nil, onCPU: 0, clock: 10_000)
    guest.finish()
    let tasks = try guest.list().value.tasks
    #expect(tasks.map(\.idle) == [7_500] && tasks.map(\.stuck) == [7_500])
  }

  @Test func aTaskWithAnotherNumberIsCounted() throws {
    let guest = sample()
    guest.guest.ram.write(12 as UInt32, at: guest.places[11]! + 140)
    let snapshot = try guest.list()
    #expect(snapshot.value.tasks.map(\.pid) == [1, 2, 90, 91, 70_000])
    #expect(snapshot.unreadable.map { "\($0)".contains("another pid, 12") } == [true])
  }

  @Test func allTasksTakeAsManyWavesAsOne() throws {
    func waves(_ count: UInt32) throws -> Int {
      let guest = TaskGuest()
      for pid in 1...count { guest.add(pid, "task") }
      guest.finish()
      return try guest.list().waves
    }
    #expect(try waves(60) == waves(3))
  }

  @Test func damagedTasksAreListedOrRefused() throws {
    let guest = sample()
    let recorded = ScriptedMemory(guest.guest.memory)
    let kernel = try guest.kernel(SnapshotEngine(recorded))
    _ = try TaskGuest.list(kernel, SnapshotEngine(recorded))
    let corruptible = try CorruptibleGuest(
      guest.guest.memory, read: Array(recorded.samples.joined()))
    let tasks = try KernelTasks(kernel)
    let tally = corruptible.damaged("tasks") { engine, round throws(SnapshotError) in
      let snapshot = try kernel.snapshot(engine) { walk throws(ReadFault) in
        try tasks.list(in: walk)
      }
      let pids = snapshot.value.tasks.map(\.pid)
      #expect(Set(pids).count == pids.count, "\(round)")
      return snapshot.unreadable.count
    }
    #expect(tally.excesses.isEmpty)
    #expect(tally.whole > 0 && tally.partial > 0 && tally.failed > 0)
  }
}
