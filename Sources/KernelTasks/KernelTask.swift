/// A thread of a process, or of the kernel.
public struct KernelTask: Hashable, Sendable {
  /// In the root pid namespace, as all numbers of processes here.
  public var pid: UInt32
  /// The process that it is a thread of.
  public var tgid: UInt32
  /// The process that started it; 0 for those that the kernel itself started.
  public var parent: UInt32?
  /// At most 15 characters.
  public var comm: String
  /// The whole name of a kernel thread; else `comm`.
  public var name: String
  public var state: TaskState
  /// Where it runs, or ran last.
  public var cpu: UInt32?
  /// Nil where it is not known what runs.
  public var isRunning: Bool?
  /// `fair`, `rt`, `dl`, `ext`, `stop` or `idle`; nil where the kernel does not show it.
  public var schedulingClass: String?
  public var isKernelThread: Bool
  /// Nanoseconds since it was charged for CPU time last, by the newest clock of all run queues: 0 for
  /// one that runs. Nil where the clocks are not known, and for one that has not run since it was started;
  /// without CONFIG_SCHED_INFO also since it came to its CPU.
  public var idle: UInt64?
  /// Nanoseconds for which it has wanted a CPU without getting one; nil for one that runs or wants none.
  /// A kernel without CONFIG_SCHED_INFO knows only when it ran last, which may be long before.
  public var waiting: UInt64?
  /// Nanoseconds since boot, at its start.
  public var start: UInt64
  /// Its path in the default hierarchy; nil where that was not asked for, or cannot be known.
  public var cgroup: String?
}

extension KernelTask {
  /// Nanoseconds for which it has waited for a CPU or, in state D, for an event; nil for one that runs, or
  /// sleeps as it should.
  public var stuck: UInt64? { state.letter == "D" ? idle : waiting }
}

/// What a task is at, as /proc/PID/stat and ps(1) say it.
public struct TaskState: Hashable, Sendable, CustomStringConvertible {
  public var letter: Character
  public var description: String { "\(letter)" }

  /// TASK_REPORT: RUNNING has no bit, the last is PARKED.
  private static let letters = Array("RSDTtXZP")

  /// `__task_state_index()` of include/linux/sched.h. Its numbers have been the same since 4.14
  /// (commit 8ef9925b02c2), but for the newer ones below.
  ///
  /// - Parameters:
  ///   - state: TASK_UNINTERRUPTIBLE and so on.
  ///   - exitState: EXIT_ZOMBIE, EXIT_DEAD.
  init(_ state: UInt64, exitState: UInt32) {
    let idle: UInt64 = 0x402
    // TASK_RTLOCK_WAIT since 5.15, TASK_FROZEN since 6.1: to be waited for like a disk.
    let waiting: UInt64 = 0x1000 | 0x8000
    let reported = Int((state | UInt64(exitState)) & 0x7f)
    if state & waiting != 0 {
      letter = "D"
    } else if state & idle == idle {
      letter = "I"
    } else {
      letter = Self.letters[Int.bitWidth - reported.leadingZeroBitCount]
    }
  }
}
