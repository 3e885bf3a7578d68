/// What a CPU runs: `rq->curr`, and signs of whether it still comes back to its scheduler.
public struct RunningTask: Hashable, Sendable {
  public var cpu: Int
  /// 0 for a CPU that is idle.
  public var pid: UInt32
  public var comm: String
  /// Nanoseconds by which the clock of its run queue is older than the newest one of all. That of an
  /// idle CPU stands still; of one that works it moves with each tick, at least once a second.
  public var clockLag: UInt64 = 0
  /// Nanoseconds since the watchdog's task ran on it last, to 2^30 of them; nil for a CPU that is not
  /// watched.
  public var watchdogAge: UInt64?

  public init(cpu: Int, pid: UInt32, comm: String) {
    (self.cpu, self.pid, self.comm) = (cpu, pid, comm)
  }
}

extension TaskList {
  /// A run queue whose clock is so much older than others' has no tick, in nanoseconds.
  private static let mostLag: UInt64 = 4_000_000_000

  /// For how long a CPU has not come back to its scheduler, in nanoseconds; nil for one that has, as far
  /// as the kernel shows. The kernel itself says so later, or never: no watchdog of its own runs on a CPU
  /// that takes no interrupts.
  public func stuckTime(of running: RunningTask) -> UInt64? {
    if let lockupThreshold, let age = running.watchdogAge, age > lockupThreshold { return age }
    return running.pid != 0 && running.clockLag > Self.mostLag ? running.clockLag : nil
  }
}
