import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// A dispatch queue (DSQ) of sched_ext, with its tasks.
public struct ScxDispatchQueue: Sendable {
  /// Whose queue it is.
  public enum Place: Hashable, Sendable {
    /// Of a CPU; tasks run from there.
    case local(cpu: Int)
    /// Of a CPU, while the scheduler is bypassed; since 7.1.
    case bypass(cpu: Int)
    /// Of a CPU, of tasks that it must not run; since 7.3.
    case reject(cpu: Int)
    /// Of a CPU, of tasks of sub-schedulers that have waited too long for it; since 7.3.
    case rescue(cpu: Int)
    /// Of a NUMA node.
    case global(node: Int)
    /// The scheduler's own.
    case user
  }

  public var place: Place
  /// Of its `struct scx_dispatch_q`: two schedulers may have queues with one id.
  public var address: KernelVirtualAddress
  /// `ops.name` of the scheduler that has it; nil for a CPU's, and up to 6.15, where there is only one.
  public var scheduler: String?
  /// Of the cgroup that this scheduler schedules; nil where the kernel has no sub-schedulers.
  public var cgroupPath: String?
  public var id: UInt64
  /// How many tasks the kernel counts in it.
  public var count: UInt32
  /// Grows with each task that comes.
  public var sequence: UInt32
  /// In the order in which they leave.
  public var tasks: [ScxTask]
}

/// `struct scx_dispatch_q` of include/linux/sched/ext.h.
struct ScxDispatchQueueStruct: KernelStruct {
  static let kernelName = "scx_dispatch_q"
  let list = Place("list")
  let nr = Member<UInt32>("nr")
  let seq = Member<UInt32>("seq")
  let id = Member<UInt64>("id")
  let hashNode = Place("hash_node")
}

/// `struct scx_dsq_list_node`: a task in a queue, or the place that an iterator of BPF has come to.
struct ScxDSQListNode: KernelStruct {
  static let kernelName = "scx_dsq_list_node"
  let node = Place("node")
  let flags = Member<UInt32>("flags")
}

private struct ScxQueuedTask: KernelStruct {
  static let kernelName = "task_struct"
  let dsqList = Place("scx.dsq_list")
}

extension KernelObject<ScxDispatchQueueStruct> {
  /// Tasks of one queue that are walked.
  private static var mostTasks: Int { 4096 }
  /// SCX_DSQ_LNODE_ITER_CURSOR.
  private static var cursor: UInt32 { 1 }

  /// A queue that is ordered by virtual time (`priq`) has its tasks in the list as well, in that order.
  func queue(
    _ place: ScxDispatchQueue.Place, at now: UInt64?
  ) throws(ReadFault) -> ScxDispatchQueue {
    let head = self.address(of: \.list)!
    let tasks = try walk.list(
      at: head, of: \ScxDSQListNode.node, most: Self.mostTasks
    ) { node throws(ReadFault) -> ScxTask? in
      guard node.flags & Self.cursor == 0 else { return nil }
      let task = try node.container(\ScxQueuedTask.dsqList)
      return try task.read(as: ScxTaskStruct.self).scxTask(at: now)
    }
    return ScxDispatchQueue(
      place: place, address: address, id: self.id, count: self.nr, sequence: self.seq, tasks: tasks)
  }
}
