import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// A CPU's run queue: what it runs, and its clocks.
struct TaskQueue {
  let current: KernelVirtualAddress
  let running: RunningTask
  let clock: UInt64
  let taskClock: UInt64
  /// When the watchdog's task ran there last, as the kernel keeps it; nil for a kernel that does not show it.
  let watchdogStamp: UInt64?

  /// What it runs.
  ///
  /// - Parameter now: the newest clock of all run queues.
  func measured(by now: UInt64, _ watchdog: Watchdog?) -> RunningTask {
    var task = running
    task.clockLag = now &- min(clock, now)
    let stamp = watchdogStamp.flatMap { watchdog?.time(of: $0, on: task.cpu) }
    task.watchdogAge = stamp.map { now &- min($0, now) }
    return task
  }
}

/// How long tasks have waited, by the clocks of the run queues.
struct RunQueueClocks {
  /// The newest of all: that of a CPU that is idle or stuck stands still. In nanoseconds.
  let now: UInt64
  private let queues: [UInt32: TaskQueue]

  init(_ queues: [TaskQueue]) {
    now = queues.map(\.clock).max() ?? 0
    self.queues = Dictionary(
      queues.map { (UInt32($0.running.cpu), $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// - Parameter execStart: by the task clock of its run queue, which does not count the time that interrupts
  ///   and the hypervisor take (`update_rq_clock_task()` of kernel/sched/core.c).
  /// - Returns: nil for a task that has not run on its CPU yet.
  func idle(since execStart: UInt64, onCPU cpu: UInt32?) -> UInt64? {
    guard execStart != 0, let queue = cpu.flatMap({ queues[$0] }) else { return nil }
    return now &- queue.clock &+ queue.taskClock &- min(queue.taskClock, execStart)
  }

  /// - Parameter queued: `sched_info.last_queued` or `last_arrival`, by the clock of the run queue.
  func waiting(since queued: UInt64) -> UInt64 { queued == 0 ? 0 : now &- min(now, queued) }
}
