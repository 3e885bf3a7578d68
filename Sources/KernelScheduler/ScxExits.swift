import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeKernelLog
import GuestScopeLinuxKernel

extension Walk {
  /// Why schedulers have left, as far as the kernel still has what it said to them: an error frees it
  /// up to 6.15, unregistration later.
  ///
  /// - Throws: `Unreadable.Reason.lacking` for a kernel without sched_ext.
  public func scxExits() throws(ReadFault) -> [ScxExit] {
    try requireSchedExt()
    let (leaving, registered) = try view.together(leavingSchedulers(), registeredSchedulers())
    var exits = leaving
    exits.add(registered)
    return exits
  }

  private func leavingSchedulers() throws(ReadFault) -> [ScxExit] {
    guard let root = try variable("scx_root") else { return try onlyScxExit() }
    let address = try view.pointer(at: root)
    guard address.rawValue != 0 else { return [] }
    guard let all = try variable("scx_sched_all") else {
      return try [scxExit(of: address, from: .exitInfo)].compactMap { $0 }
    }
    return try list(at: all, of: \ScxSchedInList.all, most: 1024) { sched throws(ReadFault) in
      try scxExit(of: sched.address, from: .exitInfo)
    }
  }

  /// Up to 6.15.
  private func onlyScxExit() throws(ReadFault) -> [ScxExit] {
    guard let variable = try variable("scx_exit_info") else { return [] }
    let (info, ops) = try view.together(
      view.pointer(at: variable), read(SchedExtOpsOwner.self, symbol: "scx_ops"))
    guard info.rawValue != 0 else { return [] }
    let exit = try read(ScxExitInfo.self, at: info).exit(
      ops.name, dumpLength: ops.dumpLength, from: .exitInfo)
    return [exit].compactMap { $0 }
  }

  /// `bpf_scx_unreg()` of kernel/sched/ext.c sets `priv` to NULL before it gives the scheduler back.
  private func registeredSchedulers() throws(ReadFault) -> [ScxExit] {
    // The newest first.
    try view.each(try registeredSchedulerOps().reversed()) { map throws(ReadFault) in
      let key = ObjectKey("sched_ext_ops of map", id: map.id, at: map.address)
      return try view.object(key) { () throws(ReadFault) -> ScxExit? in
        let ops = try read(SchedExtOpsOwner.self, at: map.address)
        guard let sched = ops.priv, sched.rawValue != 0 else { return nil }
        return try scxExit(of: sched, from: .structOpsMap(id: map.id, name: map.name))
      } ?? nil
    }.compactMap { $0 }
  }

  /// The id of the map of struct_ops that the root scheduler was registered with; nil where there is
  /// none, or it cannot be known.
  public func scxOwner() throws(ReadFault) -> UInt64? {
    let maps = try view.each(
      try registeredSchedulerOps()
    ) { map throws(ReadFault) in (map.id, try read(SchedExtOpsOwner.self, at: map.address)) }
    guard let root = try variable("scx_root") else {
      let ops = try read(SchedExtOps.self, symbol: "scx_ops")
      return ops.name.isEmpty ? nil : maps.last { $0.1.name == ops.name }?.0
    }
    let scheduler = try view.pointer(at: root)
    return scheduler.rawValue == 0 ? nil : maps.last { $0.1.priv == scheduler }?.0
  }

  /// Since 7.2 schedulers may be of a second struct, which has CPU ids of its own and `priv` in the same place
  /// (`bpf_sched_ext_ops_cid` of kernel/sched/ext).
  private func registeredSchedulerOps() throws(ReadFault) -> [RegisteredStructOps] {
    try registeredStructOps(["sched_ext_ops", "sched_ext_ops_cid"])
  }

  private func scxExit(
    of address: KernelVirtualAddress, from source: ScxExit.Source
  ) throws(ReadFault) -> ScxExit? {
    let sched = try read(ScxSchedExit.self, at: address)
    return try sched.exitInfo?.exit(sched.name, dumpLength: sched.dumpLength, from: source)
  }
}

extension KernelLog {
  /// What the kernel has logged when schedulers left, the newest first: `scx_root_disable()` of
  /// kernel/sched/ext.c.
  public var schedulerExits: [ScxExit] {
    records.indices.reversed().compactMap { index in
      let record = records[index]
      // A process that writes to /dev/kmsg can use any words, but not the facility LOG_KERN.
      guard record.facility == 0, record.text.hasPrefix(Self.exitStart),
        let middle = record.text.firstRange(of: "\" disabled ("), record.text.hasSuffix(")")
      else { return nil }
      let start = record.text.index(record.text.startIndex, offsetBy: Self.exitStart.count)
      guard start <= middle.lowerBound else { return nil }
      let name = String(record.text[start..<middle.lowerBound])
      let following = records[(index + 1)...].prefix(80).filter { $0.caller == record.caller }
      let prefix = "sched_ext: \(name): "
      let message = following.first.flatMap { $0.text.hasPrefix(prefix) ? $0.text : nil }
      let frames = following.dropFirst(message == nil ? 0 : 1).prefix { $0.text.hasPrefix("  ") }
      return ScxExit(
        source: .kernelLog, name: name,
        reason: String(record.text[middle.upperBound...].dropLast()),
        message: message.map { String($0.dropFirst(prefix.count)) } ?? "",
        loggedBacktrace: frames.map { String($0.text.drop { $0 == " " }) }, time: record.time)
    }
  }

  private static let exitStart = "sched_ext: BPF scheduler \""
}
