import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct task_struct` of include/linux/sched.h.
struct TaskStruct: KernelStruct {
  static let kernelName = "task_struct"
  let pid = Member<UInt32>("pid")
  let tgid = Member<UInt32>("tgid")
  /// TASK_COMM_LEN is 16.
  let comm = Member<String>("comm", size: 16)
  let flags = Member<UInt32>("flags")
  /// Since 5.14 (commit 2f064a59a11f).
  let state = OptionalMember<UInt32>("__state")
  /// Before.
  let longState = OptionalMember<UInt64>("state")
  let exitState = Member<UInt32>("exit_state")
  /// In `thread_info` since 5.16 on x86-64 and arm64 (commit bcf9033e5449).
  let cpu = OptionalMember<UInt32>("thread_info.cpu", "cpu")
  let schedClass = Member<KernelVirtualAddress>("sched_class")
  let realParent = Member<KernelVirtualAddress>("real_parent")
  /// In the clock of its run queue that leaves out the time of interrupts and of the hypervisor
  /// (`rq_clock_task()`); 0 for a task that has not run since it was started, and for one of the fair class
  /// since it came to its CPU.
  let execStart = Member<UInt64>("se.exec_start")
  /// By `rq_clock()`; 0 while it wants no CPU, and while it has one. CONFIG_SCHED_INFO.
  let lastQueued = OptionalMember<UInt64>("sched_info.last_queued")
  let lastArrival = OptionalMember<UInt64>("sched_info.last_arrival")
  let startBoottime = Member<UInt64>("start_boottime")
  /// A `struct css_set`, of kernels with CONFIG_CGROUPS.
  let cgroups = OptionalMember<KernelVirtualAddress>("cgroups")
  /// A `struct kthread` of a kernel thread, since 5.17 (commit e32cf5dfbe22).
  let workerPrivate = OptionalMember<KernelVirtualAddress>("worker_private")
}

/// `struct css_set` of include/linux/cgroup-defs.h.
struct CSSSet: KernelStruct {
  static let kernelName = "css_set"
  let defaultCgroup = Member<KernelVirtualAddress>("dfl_cgrp")
}

/// `struct kthread` of kernel/kthread.c.
struct KThread: KernelStruct {
  static let kernelName = "kthread"
  /// NULL for a name that fits into `comm`; since 5.17 (commit d6986ce24fc0).
  let fullName = TextLink("full_name")
}

/// `struct rq` of kernel/sched/sched.h.
struct RunQueueStruct: KernelStruct {
  static let kernelName = "rq"
  let clock = Member<UInt64>("clock")
  let taskClock = Member<UInt64>("clock_task")
  /// Every kernel has it, and it is NULL until the CPU's idle task is made: declared twice, for a link that may
  /// be NULL may also be missing.
  let curr = Member<KernelVirtualAddress>("curr")
  let current = OptionalLink<TaskName>("curr")
}
