import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// What the kernel's watchdog of soft lockups (kernel/watchdog.c) knows: on each CPU a task of the
/// highest class leaves the time whenever it runs, which is each 2/5 of `watchdog_thresh`.
struct Watchdog {
  /// Seconds; the kernel complains after twice as many.
  var threshold: UInt64
  /// By number of the CPU, when its task ran last, in nanoseconds of `sched_clock()`, rounded down to
  /// 2^30; none for a CPU that is not watched.
  var stamps: [Int: UInt64]
}

extension Walk {
  /// Nil for a kernel that does not show it, or has none.
  func watchdog() throws(ReadFault) -> Watchdog? {
    try ifKnown(watchdogIfThere())
  }

  private func watchdogIfThere() throws(ReadFault) -> Watchdog? {
    let cpus = try cpus
    let words = (kernel.cpuIDs + 63) / 64 * 8
    let (variables, masks, stamps) = try view.together(
      view.together(
        view.u32(at: try symbol("watchdog_thresh")), view.u64(at: try symbol("watchdog_enabled"))),
      view.together(
        view.bytes(at: try symbol("__cpu_online_mask"), count: words),
        view.bytes(at: try symbol("watchdog_cpumask"), count: words)),
      stampsOfWatchdog(cpus))
    // 0 means no watchdog; more than a day is damage.
    guard variables.1 & Self.watchesSoftLockups != 0, (1...86_400).contains(variables.0) else {
      return nil
    }
    var watched: [Int: UInt64] = [:]
    for (cpu, stamp) in zip(cpus, stamps) {
      let (byte, bit) = (cpu.id / 8, UInt8(1) << UInt8(cpu.id % 8))
      // 0 and ~0 stand for a stamp that is reset: before the first one, and after a suspension.
      guard masks.0[byte] & masks.1[byte] & bit != 0, stamp != 0, stamp < 1 << 34 else { continue }
      watched[cpu.id] = stamp << 30
    }
    return Watchdog(threshold: UInt64(variables.0), stamps: watched)
  }

  private func stampsOfWatchdog(_ cpus: [CPU]) throws(ReadFault) -> [UInt64] {
    let stamp = try symbol("watchdog_touch_ts")
    return try view.each(cpus) { cpu throws(ReadFault) in
      try view.u64(at: cpu.address(of: stamp))
    }
  }

  /// WATCHDOG_SOFTOCKUP_ENABLED of include/linux/nmi.h; SOFT_WATCHDOG_ENABLED up to 6.5.
  private static let watchesSoftLockups: UInt64 = 1 << 1
}
