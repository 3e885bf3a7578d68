import GuestScopeBTF
import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct kernel_cpustat` of include/linux/kernel_stat.h, by `enum cpu_usage_stat`.
struct KernelCPUStat: KernelStruct {
  static let kernelName = "kernel_cpustat"
  let cpustat = Member<[UInt64]>("cpustat")
}

/// `struct kernel_stat` of include/linux/kernel_stat.h.
struct KernelStat: KernelStruct {
  static let kernelName = "kernel_stat"
  let irqs = Member<UInt64>("irqs_sum")
  let softirqs = Member<[UInt32]>("softirqs")
}

/// `struct tick_sched` of kernel/time/tick-sched.h: where idle time is while the tick stops for it.
/// Since 7.1 `struct kernel_cpustat` has it alone.
struct TickSched: KernelStruct {
  static let kernelName = "tick_sched"
  let idle = OptionalMember<UInt64>("idle_sleeptime")
  let ioWait = OptionalMember<UInt64>("iowait_sleeptime")
}

extension Walk {
  /// The words of /proc/softirqs: `softirq_to_name` of kernel/softirq.c.
  func softirqNames() throws(ReadFault) -> [String] {
    guard let array = try variable("softirq_to_name") else { return [] }
    let pointers = try view.bytes(at: array, count: 8 * Self.softirqCount)
    return try view.each(0..<Self.softirqCount) { index throws(ReadFault) in
      try text(at: KernelVirtualAddress(pointers.u64(at: 8 * index)!))
    }
  }

  /// NR_SOFTIRQS, since 2009.
  private static var softirqCount: Int { 10 }

  /// What each CPU counts of its idle time; nil where the tick goes on in it, or the kernel does not
  /// show it.
  func tickScheds() throws(ReadFault) -> [KernelObject<TickSched>]? {
    guard let ticks = try variable("tick_cpu_sched"),
      try int(variable("tick_nohz_active")) ?? 0 != 0,
      let copies = try ifKnown(copies(of: ticks, as: TickSched.self)),
      copies.first?.object.has(\.idle) == true
    else { return nil }
    return copies.map(\.object)
  }
}

extension GuestKernel {
  /// `user`, `nice` and so on: `enum cpu_usage_stat`, by index.
  var cpuTimeNames: EnumNames { words(of: "cpu_usage_stat", prefix: "CPUTIME_") }
}
