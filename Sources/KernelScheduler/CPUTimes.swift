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

/// `irq_cpustat_t` of arch/x86/include/asm/hardirq.h: the interrupts of the CPU itself, which have no number of
/// their own. Those that `arch_irq_stat_cpu()` of arch/x86/kernel/irq.c adds up; most depend on the
/// configuration.
struct X86InterruptCounts: KernelStruct {
  static let kernelName = "irq_cpustat_t"
  /// All of them, by `enum irq_stat_counts`: 7.3 has this, and none of the others.
  let counts = OptionalMember<[UInt32]>("counts")
  let nmi = OptionalMember<UInt32>("__nmi_count")
  let timer = OptionalMember<UInt32>("apic_timer_irqs")
  let spurious = OptionalMember<UInt32>("irq_spurious_count")
  let perf = OptionalMember<UInt32>("apic_perf_irqs")
  let work = OptionalMember<UInt32>("apic_irq_work_irqs")
  let retries = OptionalMember<UInt32>("icr_read_retry_count")
  let platform = OptionalMember<UInt32>("x86_platform_ipis")
  let reschedule = OptionalMember<UInt32>("irq_resched_count")
  let call = OptionalMember<UInt32>("irq_call_count")
  let thermal = OptionalMember<UInt32>("irq_thermal_count")
  let threshold = OptionalMember<UInt32>("irq_threshold_count")
  let hypervisor = OptionalMember<UInt32>("irq_hv_callback_count")
}

extension KernelObject<X86InterruptCounts> {
  var sum: UInt64 {
    if let counts = self.counts { return counts.reduce(0) { $0 + UInt64($1) } }
    return [
      self.nmi, self.timer, self.spurious, self.perf, self.work, self.retries, self.platform,
      self.reschedule, self.call, self.thermal, self.threshold, self.hypervisor,
    ].reduce(0) { $0 + UInt64($1 ?? 0) }
  }
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

  /// The interrupts that each CPU counts for itself, on x86-64; nil where the kernel does not show them.
  func interruptsOfCPUs() throws(ReadFault) -> [UInt64]? {
    guard kernel.architecture == .x86, let counts = try variable("irq_stat"),
      let copies = try ifKnown(copies(of: counts, as: X86InterruptCounts.self))
    else { return nil }
    // CONFIG_X86_MCE.
    let machineChecks = [try variable("mce_exception_count"), try variable("mce_poll_count")]
    return try view.each(copies) { cpu, counts throws(ReadFault) in
      let more = try view.each(machineChecks.compactMap { $0 }) { variable throws(ReadFault) in
        try view.u32(at: cpu.address(of: variable))
      }
      return more.reduce(counts.sum) { $0 + UInt64($1) }
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
