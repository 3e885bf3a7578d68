import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// What the kernel's watchdog of soft lockups (kernel/watchdog.c) knows: on each CPU a task of the
/// highest class leaves the time whenever it runs, which is each 2/5 of `watchdog_thresh`.
struct Watchdog {
  /// Seconds; the kernel complains after twice as many.
  var threshold: UInt64
  /// A bit for each CPU.
  fileprivate var watched: [UInt8]

  /// The per-CPU variable in which its task leaves the time.
  static let stamp = "watchdog_touch_ts"

  /// When its task ran last, in nanoseconds of `sched_clock()`, rounded down to 2^30; nil for a CPU that is
  /// not watched.
  func time(of stamp: UInt64, on cpu: Int) -> UInt64? {
    let isWatched = watched[cpu / 8] & 1 << UInt8(cpu % 8) != 0
    // 0 and ~0 stand for a stamp that is reset: before the first one, and after a suspension.
    return isWatched && stamp != 0 && stamp < 1 << 34 ? stamp << 30 : nil
  }
}

extension Walk {
  /// Nil for a kernel that does not show it, or has none.
  func watchdog() throws(ReadFault) -> Watchdog? {
    try ifKnown(watchdogIfThere())
  }

  private func watchdogIfThere() throws(ReadFault) -> Watchdog? {
    let words = (kernel.cpuIDs + 63) / 64 * 8
    let (variables, masks) = try view.together(
      view.together(
        view.u32(at: try symbol("watchdog_thresh")), view.u64(at: try symbol("watchdog_enabled"))),
      view.together(
        view.bytes(at: try symbol("__cpu_online_mask"), count: words),
        view.bytes(at: try symbol("watchdog_cpumask"), count: words)))
    // 0 means no watchdog; more than a day is damage.
    guard variables.1 & Self.watchesSoftLockups != 0, (1...86_400).contains(variables.0) else {
      return nil
    }
    return Watchdog(
      threshold: UInt64(variables.0), watched: zip(masks.0, masks.1).map { $0 & $1 })
  }

  /// WATCHDOG_SOFTOCKUP_ENABLED of include/linux/nmi.h; SOFT_WATCHDOG_ENABLED up to 6.5.
  private static let watchesSoftLockups: UInt64 = 1 << 1
}
