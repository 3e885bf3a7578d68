import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// sched_ext as a whole: whether a scheduler of BPF is in charge, and which.
public struct ScxState: Sendable {
  /// The root scheduler first; more than one where the kernel has sub-schedulers. None where none is
  /// loaded.
  public var schedulers: [ScxScheduler]
  /// A static key of the kernel: tasks may be on sched_ext.
  public var enabled: Bool?
  public var switchingAll: Bool?
  public var switchedAll: Bool?
  /// A number of `enum scx_enable_state` (`scx_ops_enable_state` up to 6.15).
  public var enableState: UInt32?
  /// `enabled`, `disabling` and so on: its enumerator, as sysfs prints it.
  public var enableStateName: String?
  /// Tasks are scheduled past the scheduler while this is above 0.
  public var bypassDepth: Int?
  /// Since 6.19.
  public var aborting: Bool?
  /// 6.13 to 6.18.
  public var inSoftlockup: Bool?
  public var breatherDepth: UInt32?
  public var rejected: UInt64?
  public var hotplugSequence: UInt64?
  public var enableSequence: UInt64?
  /// Jiffies after which the watchdog throws out a scheduler that lets a task wait.
  public var watchdogTimeout: UInt64?
  public var watchdogMilliseconds: UInt64?
  /// Milliseconds since the watchdog looked last, which it does twice in its timeout.
  public var watchdogAgeMilliseconds: UInt64?
}

/// A scheduler of BPF that is loaded.
public struct ScxScheduler: Sendable {
  /// Of its `struct scx_sched`; up to 6.15 of the kernel's only `struct sched_ext_ops`.
  public var address: KernelVirtualAddress
  /// `ops.name`
  public var name: String
  /// `ops.flags`, and their names in `enum scx_ops_flags`.
  public var flags: UInt64
  public var flagNames: [String]
  /// 0 for the root; nil where the kernel has no sub-schedulers.
  public var level: Int?
  /// Of the cgroup that it schedules.
  public var cgroupPath: String?
  public var bypassDepth: Int?
  public var aborting: Bool?
  /// Jiffies; nil where it is the kernel's.
  public var watchdogTimeout: UInt64?
  /// Its counters on each possible CPU; nil before 6.15.
  public var events: [CPUEvents]?

  public struct CPUEvents: Sendable {
    public var cpu: Int
    public var counters: [Counter]
  }

  /// A member of `struct scx_event_stats`.
  public struct Counter: Hashable, Sendable {
    /// `SCX_EV_SELECT_CPU_FALLBACK`
    public var name: String
    public var value: Int64
  }

  /// Over all CPUs.
  public var totals: [Counter]? {
    guard let events, let first = events.first else { return nil }
    return first.counters.indices.map { index in
      Counter(
        name: first.counters[index].name,
        value: events.reduce(0) { $0 &+ $1.counters[index].value })
    }
  }
}

extension Walk {
  /// Reads what tools/sched_ext/scx_show_state.py of the kernel prints, and more.
  ///
  /// - Throws: `Unreadable.Reason.lacking` for a kernel without sched_ext.
  public func scxState() throws(ReadFault) -> ScxState {
    try requireSchedExt()
    let (state, enabled, schedulers) = try view.together(
      atomic(variable("scx_enable_state_var", "scx_ops_enable_state_var")),
      isKeyOn(variable("__scx_enabled", "__scx_ops_enabled")), scxSchedulers())
    let (switching, switched, bypass, aborting) = try view.together(
      bool(variable("scx_switching_all")), isKeyOn(variable("__scx_switched_all")),
      int(variable("scx_bypass_depth", "scx_ops_bypass_depth")), bool(variable("scx_aborting")))
    let (rejected, hotplug, sequence, timeout) = try view.together(
      atomicLong(variable("scx_nr_rejected")), atomicLong(variable("scx_hotplug_seq")),
      atomicLong(variable("scx_enable_seq")), long(variable("scx_watchdog_timeout")))
    let (softlockup, breather, (stamp, now)) = try view.together(
      long(variable("scx_in_softlockup")),
      atomic(variable("scx_breather_depth", "scx_ops_breather_depth")),
      view.together(long(variable("scx_watchdog_timestamp")), jiffies()))
    let (names, root) = (kernel.scxNames, schedulers.first)
    let jiffies = root?.watchdogTimeout ?? timeout
    let age = stamp.flatMap { stamp in now.map { $0 &- min(stamp, $0) } }
    return ScxState(
      schedulers: schedulers, enabled: enabled, switchingAll: switching, switchedAll: switched,
      enableState: state,
      enableStateName: state.flatMap { names.enableStates[UInt64($0)] }.map(Self.word),
      bypassDepth: root?.bypassDepth ?? bypass, aborting: root?.aborting ?? aborting,
      inSoftlockup: softlockup.map { $0 != 0 }, breatherDepth: breather, rejected: rejected,
      hotplugSequence: hotplug, enableSequence: sequence, watchdogTimeout: jiffies,
      watchdogMilliseconds: jiffies.flatMap(names.milliseconds),
      watchdogAgeMilliseconds: age.flatMap(names.milliseconds))
  }

  func requireSchedExt() throws(ReadFault) {
    guard !kernel.hasSchedExt else { return }
    throw .unreadable(
      Unreadable(
        .lacking(
          "Linux \(kernel.release) has no sched_ext (CONFIG_SCHED_CLASS_EXT, since 6.12)"), at: 0))
  }

  /// `SCX_OPS_ENABLED` and `SCX_ENABLED` are `enabled`.
  private static func word(_ enumerator: String) -> String {
    for prefix in ["SCX_OPS_", "SCX_"] where enumerator.hasPrefix(prefix) {
      return enumerator.dropFirst(prefix.count).lowercased()
    }
    return enumerator
  }

  // MARK: Schedulers

  private func scxSchedulers() throws(ReadFault) -> [ScxScheduler] {
    guard let root = try variable("scx_root") else { return try onlyScxScheduler() }
    let address = try view.pointer(at: root)
    guard address.rawValue != 0 else { return [] }
    // Since 7.1, with CONFIG_EXT_SUB_SCHED.
    guard let all = try variable("scx_sched_all") else { return [try scxScheduler(at: address)] }
    let list = try list(at: all, of: \ScxSchedInList.all, most: 1024) { sched throws(ReadFault) in
      try scxScheduler(at: sched.address)
    }
    return list.filter { $0.address == address } + list.filter { $0.address != address }
  }

  /// Up to 6.15.
  private func onlyScxScheduler() throws(ReadFault) -> [ScxScheduler] {
    let (ops, events) = try view.together(
      read(SchedExtOps.self, symbol: "scx_ops"), scxEvents(at: variable("event_stats_cpu")))
    guard !ops.name.isEmpty else { return [] }
    return [
      ScxScheduler(
        address: ops.address, name: ops.name, flags: ops.flags,
        flagNames: kernel.scxNames.opsFlags.flags(in: ops.flags), events: events)
    ]
  }

  private func scxScheduler(at address: KernelVirtualAddress) throws(ReadFault) -> ScxScheduler {
    let sched = try read(ScxSched.self, at: address)
    let (path, events, older) = try view.together(
      sched.cgroupPath, scxEvents(of: sched),
      scxEvents(at: sched.eventStatsCPU))
    return ScxScheduler(
      address: address, name: sched.name, flags: sched.flags,
      flagNames: kernel.scxNames.opsFlags.flags(in: sched.flags), level: sched.level.map(Int.init),
      cgroupPath: path, bypassDepth: sched.bypassDepth.map(Int.init), aborting: sched.aborting,
      watchdogTimeout: sched.watchdogTimeout, events: events ?? older)
  }

  // MARK: Events

  private func scxEvents(
    of sched: KernelObject<ScxSched>
  ) throws(ReadFault) -> [ScxScheduler.CPUEvents]? {
    guard let copies = try sched.pcpu else { return nil }
    return try view.each(copies) { copy throws(ReadFault) in
      try scxEvents(of: copy.cpu, at: copy.object.address(of: \.eventStats)!)
    }
  }

  /// - Parameter pointer: a per-CPU one.
  private func scxEvents(
    at pointer: KernelVirtualAddress?
  ) throws(ReadFault) -> [ScxScheduler.CPUEvents]? {
    guard let pointer, pointer.rawValue != 0 else { return nil }
    return try view.each(try cpus) { cpu throws(ReadFault) in
      try scxEvents(of: cpu, at: cpu.address(of: pointer))
    }
  }

  private func scxEvents(
    of cpu: CPU, at address: KernelVirtualAddress
  ) throws(ReadFault) -> ScxScheduler.CPUEvents {
    let bytes = try view.bytes(at: address, count: try size(ofStruct: "scx_event_stats"))
    return ScxScheduler.CPUEvents(
      cpu: cpu.id,
      counters: kernel.scxNames.events.map { event in
        ScxScheduler.Counter(
          name: event.name, value: Int64(bitPattern: bytes.u64(at: event.offset) ?? 0))
      })
  }
}
