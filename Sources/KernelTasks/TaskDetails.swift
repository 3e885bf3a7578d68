import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// What is known of one thread.
public struct TaskDetails: Sendable {
  public var task: KernelTask
  /// `prio` of include/linux/sched/prio.h: below 100 for real time, 120 for nice 0.
  public var priority: Int
  /// SCHED_NORMAL is 0, SCHED_FIFO 1: include/uapi/linux/sched.h.
  public var policy: UInt32
  /// Nanoseconds that it has run.
  public var runtime: UInt64
  /// How often it gave the CPU up by itself (`nvcsw`).
  public var voluntarySwitches: UInt64
  /// How often it was preempted (`nivcsw`).
  public var involuntarySwitches: UInt64
}

/// `struct task_struct` of include/linux/sched.h, of which a list has less.
private struct TaskMore: KernelStruct {
  static let kernelName = "task_struct"
  let prio = Member<Int32>("prio")
  let policy = Member<UInt32>("policy")
  let runtime = Member<UInt64>("se.sum_exec_runtime")
  let parent = Link<TaskNumbers>("real_parent")
  let voluntary = Member<UInt64>("nvcsw")
  let involuntary = Member<UInt64>("nivcsw")
}

private struct TaskNumbers: KernelStruct {
  static let kernelName = "task_struct"
  let tgid = Member<UInt32>("tgid")
}

extension KernelTasks {
  /// Reads one task, as one object of the view.
  ///
  /// - Returns: nil when no task has this pid, and when the task is unreadable or belongs to another part of
  ///   a split answer.
  public func details(
    of pid: UInt32, in walk: Walk
  ) throws(ReadFault) -> TaskDetails? {
    let found = try list([UInt64(pid)], cgroups: true, in: walk) { address throws(ReadFault) in
      let more = try walk.read(TaskMore.self, at: address)
      return (more, try more.parent.tgid)
    }
    guard var task = found.list.tasks.first, let (more, parent) = found.more.first else {
      return nil
    }
    task.parent = parent
    return TaskDetails(
      task: task, priority: Int(more.prio), policy: more.policy, runtime: more.runtime,
      voluntarySwitches: more.voluntary, involuntarySwitches: more.involuntary)
  }
}
