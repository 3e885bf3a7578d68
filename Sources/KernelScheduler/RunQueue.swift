import GuestScopeGuestMemory
import GuestScopeKernelTasks
import GuestScopeLinuxKernel

/// A CPU's run queue, and where its time has gone.
public struct RunQueue: Sendable {
  public var cpu: Int
  /// Nanoseconds: `rq_clock()`, which stands still while nothing happens on the CPU.
  public var clock: UInt64
  /// Tasks that run or want to, and how many of them are of each class.
  public var running: UInt64
  public var fair: UInt64
  public var realTime: UInt64
  public var deadline: UInt64
  /// Nil for a kernel without sched_ext.
  public var ext: UInt64?
  public var switches: UInt64
  public var current: RunningTask
  public var currentClass: String?
  /// Nil for a kernel without sched_ext.
  public var scx: ScxNumbers?
  /// Nil for a kernel without CONFIG_SCHEDSTATS.
  public var statistics: RunQueueStatistics?
  /// Nanoseconds by the kernel's words for them, in its order: `user`, `nice` and so on.
  public var times: [(name: String, nanoseconds: UInt64)]
  /// Nanoseconds, until the CPU went idle last; nil where `times` has it.
  public var idle: UInt64?
  public var ioWait: UInt64?
  public var interrupts: UInt64
  /// `HI`, `TIMER` and so on, as in /proc/softirqs.
  public var softirqs: [(name: String, count: UInt32)]

  /// What sched_ext keeps of a CPU.
  public struct ScxNumbers: Sendable {
    public var running: UInt32
    public var flags: UInt64
    public var flagNames: [String]
    /// Nil where this kernel does not show it.
    public var released: Bool?
    /// Tasks in its local queue.
    public var local: UInt32
  }
}

/// A line of /proc/schedstat: `struct rq` of kernel/sched/sched.h, CONFIG_SCHEDSTATS.
public struct RunQueueStatistics: Hashable, Sendable {
  public var yields: UInt32
  public var schedules: UInt32
  public var idles: UInt32
  public var wakeups: UInt32
  public var localWakeups: UInt32
  /// Nanoseconds that tasks have run, and that they have waited to.
  public var runTime: UInt64
  public var waitTime: UInt64
  /// How often a task got the CPU.
  public var slices: UInt64
}

struct RunQueueNumbers: KernelStruct {
  static let kernelName = "rq"
  let clock = Member<UInt64>("clock")
  let queued = Member<AnyNumber>("nr_running")
  let switches = Member<UInt64>("nr_switches")
  /// Every kernel has it, and it is NULL until the CPU's idle task is made: declared twice, for a link that may
  /// be NULL may also be missing.
  let curr = Member<KernelVirtualAddress>("curr")
  let current = OptionalLink<ClassedTask>("curr")
  /// Renamed in 6.14 (commit 7b8a702d9438).
  let fairQueued = Member<AnyNumber>("cfs.h_nr_queued", "cfs.h_nr_running")
  /// Since 6.14 (commit c2a295bffeaf), and in later releases of 6.12.
  let fairRunnable = OptionalMember<UInt32>("cfs.h_nr_runnable")
  /// In 6.13 (commit 76f2f783294d), and in releases of 6.12.
  let fairDelayed = OptionalMember<UInt32>("cfs.h_nr_delayed")
  let realTime = Member<AnyNumber>("rt.rt_nr_running")
  /// 8 bytes before 6.5.
  let deadlineQueued = Member<AnyNumber>("dl.dl_nr_running")
  /// Since 6.12 (commit 557a6bfc662c).
  let fairServer = OptionalMember<UInt64>("fair_server.rb_node.__rb_parent_color")
  let extServer = OptionalMember<UInt64>("ext_server.rb_node.__rb_parent_color")
  let scxRunning = OptionalMember<UInt32>("scx.nr_running")
  let scxFlags = OptionalMember<UInt32>("scx.flags")
  let scxReleased = OptionalMember<Bool>("scx.cpu_released")
  let scxLocal = OptionalMember<UInt32>("scx.local_dsq.nr")
  // CONFIG_SCHEDSTATS.
  let yields = OptionalMember<UInt32>("yld_count")
  let schedules = OptionalMember<UInt32>("sched_count")
  let idles = OptionalMember<UInt32>("sched_goidle")
  let wakeups = OptionalMember<UInt32>("ttwu_count")
  let localWakeups = OptionalMember<UInt32>("ttwu_local")
  let runTime = OptionalMember<UInt64>("rq_cpu_time")
  let waitTime = OptionalMember<UInt64>("rq_sched_info.run_delay")
  let slices = OptionalMember<UInt64>("rq_sched_info.pcount")
}

extension KernelObject<RunQueueNumbers> {
  /// Tasks that sleep and stay on the queue until their lag is gone, since 6.12 (commit 152e11f6df29): they
  /// are counted, and cannot run. `cfs_h_nr_delayed()` of kernel/sched/fair.c.
  private var delayed: UInt64 {
    let queued = self.fairQueued.value
    return self.fairRunnable.map { queued &- min(UInt64($0), queued) }
      ?? self.fairDelayed.map { min(UInt64($0), queued) } ?? 0
  }

  var running: UInt64 { self.queued.value &- min(delayed, self.queued.value) }
  var fair: UInt64 { self.fairQueued.value &- delayed }

  /// Without the servers that lend other classes time when real-time tasks leave them none: `inc_dl_tasks()`
  /// of kernel/sched/deadline.c counts them among tasks.
  var deadline: UInt64 {
    let servers = [
      (self.fairServer, address(of: \.fairServer)), (self.extServer, address(of: \.extServer)),
    ]
    // RB_EMPTY_NODE(): a node that is in no tree is its own parent.
    let queued = servers.count { parent, node in parent != nil && parent != node?.rawValue }
    return self.deadlineQueued.value &- min(UInt64(queued), self.deadlineQueued.value)
  }

  var statistics: RunQueueStatistics? {
    guard let yields = self.yields, let schedules = self.schedules, let idles = self.idles,
      let wakeups = self.wakeups, let localWakeups = self.localWakeups,
      let runTime = self.runTime, let waitTime = self.waitTime, let slices = self.slices
    else { return nil }
    return RunQueueStatistics(
      yields: yields, schedules: schedules, idles: idles, wakeups: wakeups,
      localWakeups: localWakeups, runTime: runTime, waitTime: waitTime, slices: slices)
  }

  var scx: RunQueue.ScxNumbers? {
    guard let running = self.scxRunning, let flags = self.scxFlags, let local = self.scxLocal
    else { return nil }
    return RunQueue.ScxNumbers(
      running: running, flags: UInt64(flags),
      flagNames: kernel.scxNames.rqFlags.flags(in: UInt64(flags)),
      released: self.scxReleased, local: local)
  }
}
