import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct sched_ext_ops` of kernel/sched/ext.c; up to 6.15 the kernel has one, `scx_ops`, which is
/// all zeros while no scheduler is loaded.
struct SchedExtOps: KernelStruct {
  static let kernelName = "sched_ext_ops"
  /// SCX_OPS_NAME_LEN is 128.
  let name = Member<String>("name", size: 128)
  let flags = Member<UInt64>("flags")
}

/// `struct scx_sched` of kernel/sched/ext.c, later of ext_internal.h and ext/internal.h: a scheduler
/// that is loaded, since 6.16.
struct ScxSched: KernelStruct {
  static let kernelName = "scx_sched"
  let name = Member<String>("ops.name", size: 128)
  let flags = Member<UInt64>("ops.flags")
  /// 6.16 and 6.17.
  let eventStatsCPU = OptionalMember<KernelVirtualAddress>("event_stats_cpu")
  /// Since 6.18.
  let pcpu = PerCPULink<ScxSchedPCPU>("pcpu")
  /// Since 7.1; before, they are variables.
  let bypassDepth = OptionalMember<Int32>("bypass_depth")
  let aborting = OptionalMember<Bool>("aborting")
  /// Jiffies; a variable up to 7.1.
  let watchdogTimeout = OptionalMember<UInt64>("watchdog_timeout")
  /// 0 for the root. The kernel has this and the path with CONFIG_EXT_SUB_SCHED, since 7.1.
  let level = OptionalMember<Int32>("level")
  let cgroupPath = TextLink("cgrp_path")
}

/// The same, of which only its place in the list of all schedulers counts.
struct ScxSchedInList: KernelStruct {
  static let kernelName = "scx_sched"
  let all = Place("all")
}

/// `struct scx_sched_pcpu`, since 6.18.
struct ScxSchedPCPU: KernelStruct {
  static let kernelName = "scx_sched_pcpu"
  let eventStats = Place("event_stats")
  /// Since 7.1.
  let flags = OptionalMember<UInt64>("flags")
}

/// `struct scx_exit_info`: why a scheduler leaves.
struct ScxExitInfo: KernelStruct {
  static let kernelName = "scx_exit_info"
  let kind = Member<UInt32>("kind")
  let code = Member<Int64>("exit_code")
  let reason = TextLink("reason")
  let bt = Member<KernelVirtualAddress>("bt")
  let btLength = Member<UInt32>("bt_len")
  let message = Member<KernelVirtualAddress>("msg")
  let dump = Member<KernelVirtualAddress>("dump")
  /// Since 6.18.
  let flags = OptionalMember<UInt64>("flags")
  /// Since 7.3; -1 where no CPU is to blame.
  let cpu = OptionalMember<Int32>("exit_cpu")
}

/// `struct scx_sched`, of which only why it left counts.
struct ScxSchedExit: KernelStruct {
  static let kernelName = "scx_sched"
  let name = Member<String>("ops.name", size: 128)
  let dumpLength = Member<UInt32>("ops.exit_dump_len")
  let exitInfo = OptionalLink<ScxExitInfo>("exit_info")
}

/// `struct sched_ext_ops` in the value of a map of struct_ops.
struct SchedExtOpsOwner: KernelStruct {
  static let kernelName = "sched_ext_ops"
  let name = Member<String>("name", size: 128)
  let dumpLength = Member<UInt32>("exit_dump_len")
  /// Its `struct scx_sched`, until the map is unregistered; since 6.16.
  let priv = OptionalMember<KernelVirtualAddress>("priv")
}
