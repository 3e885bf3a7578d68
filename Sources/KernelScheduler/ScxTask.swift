import GuestScopeGuestMemory
import GuestScopeKernelTasks
import GuestScopeLinuxKernel

/// A task as sched_ext sees it.
public struct ScxTask: Sendable {
  public var address: KernelVirtualAddress
  public var pid: UInt32
  public var comm: String
  public var cpu: UInt32?
  /// `fair`, `ext` and so on; nil where the kernel does not show it.
  public var schedulingClass: String?
  /// `SCX_TASK_ENABLED`: its enumerator, and the number that the kernel keeps; nil for a number
  /// without a name.
  public var state: String?
  /// The state among them.
  public var flags: UInt64
  /// Those that are set, but for the state.
  public var flagNames: [String]
  /// `SCX_OPSS_QUEUED`: whose turn it is to do something with it.
  public var opsState: String?
  public var queueSequence: UInt64
  /// Of the queue that it waits in; nil for none.
  public var queueID: UInt64?
  public var queueFlags: UInt32
  /// Nanoseconds that it may still run.
  public var slice: UInt64
  /// In the scheduler's own unit.
  public var virtualTime: UInt64
  /// 100 for a task of nice 0.
  public var weight: UInt32
  /// -1 for none.
  public var stickyCPU: Int32
  public var holdingCPU: Int32
  /// Jiffies since it wanted to run; counts for a task that waits in a run queue.
  /// Nil where this kernel does not show its clock.
  public var waited: Int64?
  public var waitedMilliseconds: Int64?
}

/// `struct task_struct`, of which what sched_ext keeps counts: `struct sched_ext_entity`.
struct ScxTaskStruct: KernelStruct {
  static let kernelName = "task_struct"
  let pid = Member<UInt32>("pid")
  let comm = Member<String>("comm", size: 16)
  let cpu = OptionalMember<UInt32>("thread_info.cpu", "cpu")
  let schedClass = Member<KernelVirtualAddress>("sched_class")
  let dsq = OptionalLink<ScxDispatchQueueID>("scx.dsq")
  let flags = Member<UInt32>("scx.flags")
  let dsqFlags = Member<UInt32>("scx.dsq_flags")
  let weight = Member<UInt32>("scx.weight")
  let stickyCPU = Member<Int32>("scx.sticky_cpu")
  let holdingCPU = Member<Int32>("scx.holding_cpu")
  let opsState = Member<UInt64>("scx.ops_state.counter")
  let runnableAt = Member<UInt64>("scx.runnable_at")
  let slice = Member<UInt64>("scx.slice")
  let vtime = Member<UInt64>("scx.dsq_vtime")
  let runnableNode = Place("scx.runnable_node")
}

/// `struct scx_dispatch_q`, of which only what names it counts.
struct ScxDispatchQueueID: KernelStruct {
  static let kernelName = "scx_dispatch_q"
  let id = Member<UInt64>("id")
}

extension KernelObject<ScxTaskStruct> {
  /// - Parameter now: `jiffies`.
  func scxTask(at now: UInt64?) throws(ReadFault) -> ScxTask {
    let names = kernel.scxNames
    let dsq = try self.dsq
    let (opsState, sequence) = names.opsState(self.opsState)
    let waited = now.map { Int64(bitPattern: $0 &- self.runnableAt) }
    return ScxTask(
      address: address, pid: self.pid, comm: self.comm, cpu: self.cpu,
      schedulingClass: kernel.schedulingClasses[self.schedClass.rawValue],
      state: names.taskState(UInt64(self.flags)), flags: UInt64(self.flags),
      flagNames: names.taskFlagNames(UInt64(self.flags)), opsState: opsState,
      queueSequence: sequence, queueID: dsq?.id, queueFlags: self.dsqFlags, slice: self.slice,
      virtualTime: self.vtime, weight: self.weight, stickyCPU: self.stickyCPU,
      holdingCPU: self.holdingCPU, waited: waited,
      waitedMilliseconds: waited.flatMap { waited in
        names.milliseconds(waited.magnitude).map {
          waited < 0 ? -Int64(clamping: $0) : Int64(clamping: $0)
        }
      })
  }
}
