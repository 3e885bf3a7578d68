import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport
import Testing

@testable import GuestScopeKernelScheduler

/// CPUs, queues and tasks of sched_ext in memory that is written by hand.
@Suite struct ScxDumpTests {
  @Test(arguments: [true, false])
  func queuesHaveTheirTasksInOrder(hasScheds: Bool) throws {
    let snapshot = try ScxGuest.sample(hasScheds: hasScheds).dump()
    #expect(snapshot.unreadable.isEmpty)
    let dump = snapshot.value
    #expect(dump.cpus.map(\.cpu) == [0, 1])
    #expect(dump.cpus[0].runnable.map(\.pid) == [31, 12, 23])
    #expect(dump.cpus[0].flagNames == ["SCX_RQ_ONLINE"])
    let bypassing = hasScheds ? ["SCX_SCHED_PCPU_BYPASSING"] : []
    #expect(dump.cpus[1].flagNames == ["SCX_RQ_ONLINE"] + bypassing)
    #expect(dump.cpus[0].current.pid == 40 && dump.cpus[0].currentClass == "ext")
    #expect(dump.cpus[1].current.comm == "fair" && dump.cpus[1].currentClass == "fair")
    #expect(
      dump.queues.map(\.place) == [.local(cpu: 0), .local(cpu: 1), .global(node: 0), .user])
    let user = try #require(dump.queues.last)
    #expect(user.scheduler == (hasScheds ? "gs_test" : nil))
    // Without the cursor.
    #expect(user.id == 100 && user.count == 3 && user.tasks.map(\.pid) == [31, 12, 23])
  }

  @Test(arguments: [true, false])
  func tasksHaveTheirStates(hasScheds: Bool) throws {
    let tasks = try ScxGuest.sample(hasScheds: hasScheds).dump().value.tasks
    // One that sched_ext does not know is not there.
    #expect(tasks.map(\.pid) == [12, 23, 31, 40])
    #expect(tasks.allSatisfy { $0.state == "SCX_TASK_ENABLED" && $0.schedulingClass == "ext" })
    #expect(tasks.allSatisfy { $0.flagNames == ["SCX_TASK_QUEUED"] && $0.cpu == 1 })
    #expect(tasks.allSatisfy { $0.opsState == "SCX_OPSS_QUEUED" && $0.queueSequence == 7 })
    #expect(tasks.map(\.queueID) == [100, 100, 100, nil])
    // 250 jiffies a second.
    #expect(tasks.map(\.waitedMilliseconds) == [100, 200, 0, 300])
    #expect(tasks.allSatisfy { $0.stickyCPU == -1 && $0.weight == 100 })
  }

  @Test func flagsThatAreNumbersAreNamed() throws {
    let guest = ScxGuest.sample()
    let flags = guest.tasks[40]! + 256 + guest.guest.types["sched_ext_entity.flags"]
    guest.guest.ram.write(0x4000_1405 as UInt32, at: flags)
    let task = try #require(try guest.dump().value.tasks.last)
    #expect(task.state == "SCX_TASK_ENABLED")
    #expect(
      task.flagNames == [
        "SCX_TASK_REENQ_KFUNC", "SCX_TASK_QUEUED", "SCX_TASK_RESET_RUNNABLE_AT", "0x40000000",
      ])
  }

  @Test func manyTasksTakeNoMoreWavesThanFew() throws {
    func waves(_ count: UInt32) throws -> Int {
      let guest = ScxGuest()
      for pid in 1...count {
        guest.add(pid, "task", state: 0x400)
        guest.makeRunnable(pid, onCPU: 0)
        guest.enqueue(pid)
      }
      guest.run(1, onCPU: 0)
      guest.run(1, onCPU: 1)
      guest.finish()
      return try guest.dump().waves
    }
    #expect(try waves(60) <= waves(4) + 1)
  }
}
