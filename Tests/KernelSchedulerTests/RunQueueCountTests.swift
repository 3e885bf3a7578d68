import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport
import Testing

@testable import GuestScopeKernelScheduler

/// What a run queue counts, and what of it can run.
@Suite struct RunQueueCountTests {
  /// How a kernel says that some of the tasks on a queue sleep.
  enum Kernel: CaseIterable { case before612, of613, since614 }

  private struct Counts: Equatable { var running, fair, deadline: UInt64 }

  /// A queue with 5 tasks: 3 of the fair class, of which one sleeps, one of real time and one that may be a
  /// server.
  private func counts(_ kernel: Kernel, isServerQueued: Bool = true) throws -> Counts {
    var types = KernelTypes.kernel(.linux6)
    types.declare("rb_node", size: 24, [("__rb_parent_color", 0, .u64)])
    types.declare("sched_dl_entity", size: 32, [("rb_node", 0, .structure("rb_node"))])
    types.declare("task_struct", size: 64, [("pid", 0, .u32)])
    switch kernel {
    case .before612: types.declare("cfs_rq", size: 16, [("h_nr_running", 0, .u32)])
    case .of613:
      types.declare("cfs_rq", size: 16, [("h_nr_running", 0, .u32), ("h_nr_delayed", 4, .u32)])
    case .since614:
      types.declare("cfs_rq", size: 16, [("h_nr_queued", 0, .u32), ("h_nr_runnable", 4, .u32)])
    }
    types.declare("rt_rq", size: 8, [("rt_nr_running", 0, .u32)])
    types.declare("dl_rq", size: 8, [("dl_nr_running", 0, .u32)])
    let server: [(name: String, offset: Int, type: KernelTypes.Member)] =
      kernel == .before612 ? [] : [("fair_server", 64, .structure("sched_dl_entity"))]
    types.declare(
      "rq", size: 128,
      [
        ("nr_running", 0, .u32), ("nr_switches", 8, .u64), ("clock", 16, .u64),
        ("curr", 24, .pointerTo("task_struct")), ("cfs", 32, .structure("cfs_rq")),
        ("rt", 48, .structure("rt_rq")), ("dl", 56, .structure("dl_rq")),
      ] + server)
    let guest = SyntheticGuest(types)
    let place = guest.ram.allocate(128)
    let address = guest.direct(place)
    for (offset, number) in [(0, 5), (32, 3), (36, kernel == .of613 ? 1 : 2), (48, 1), (56, 1)] {
      guest.ram.write(UInt32(number), at: place + offset)
    }
    // The root of a tree has no parent; a node that is in none is its own.
    guest.ram.write(isServerQueued ? 1 : address + 64, at: place + 64)
    let engine = SnapshotEngine(guest.memory)
    let found = try GuestKernel(try guest.image(), in: engine)
    return try found.snapshot(engine) { walk throws(ReadFault) in
      let queue = try walk.read(RunQueueNumbers.self, at: KernelVirtualAddress(address))
      return Counts(running: queue.running, fair: queue.fair, deadline: queue.deadline)
    }.value
  }

  @Test func aTaskThatSleepsOnItsQueueIsNotCounted() throws {
    #expect(try counts(.before612) == Counts(running: 5, fair: 3, deadline: 1))
    #expect(try counts(.of613) == Counts(running: 4, fair: 2, deadline: 0))
    #expect(try counts(.since614) == Counts(running: 4, fair: 2, deadline: 0))
  }

  @Test func aServerIsNotATask() throws {
    #expect(try counts(.since614, isServerQueued: false).deadline == 1)
    #expect(try counts(.since614).deadline == 0)
  }
}
