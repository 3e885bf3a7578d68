import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct scx_sched`: its queues, and which one it is.
private struct ScxSchedQueues: KernelStruct {
  static let kernelName = "scx_sched"
  let name = Member<String>("ops.name", size: 128)
  let cgroupPath = TextLink("cgrp_path")
  let dsqHash = Place("dsq_hash")
  let pcpu = PerCPULink<ScxSchedBypass>("pcpu")
  /// A queue of each NUMA node: since 7.1 in a structure of its own.
  let nodes = OptionalMember<KernelVirtualAddress>("pnode", "global_dsqs")
}

private struct ScxSchedBypass: KernelStruct {
  static let kernelName = "scx_sched_pcpu"
  let bypassDSQ = OptionalLink<ScxDispatchQueueStruct>("bypass_dsq")
}

/// `struct scx_sched_pnode`, since 7.1.
private struct ScxSchedNode: KernelStruct {
  static let kernelName = "scx_sched_pnode"
  let globalDSQ = Link<ScxDispatchQueueStruct>("global_dsq")
}

/// Queues that are not a CPU's: of the node, of the scheduler.
extension Walk {
  /// MAX_NUMNODES of the largest configuration.
  private static var mostNodes: UInt32 { 1024 }
  /// Queues that one scheduler has made and that are walked.
  private static var mostQueues: Int { 8192 }

  /// Of all schedulers that are loaded.
  func scxQueues(at now: UInt64?) throws(ReadFault) -> [ScxDispatchQueue] {
    guard let root = try variable("scx_root") else { return try onlyScxQueues(at: now) }
    let address = try view.pointer(at: root)
    guard address.rawValue != 0 else { return [] }
    guard let all = try variable("scx_sched_all") else {
      return try scxQueues(of: address, at: now)
    }
    return try list(at: all, of: \ScxSchedInList.all, most: 1024) { sched throws(ReadFault) in
      try scxQueues(of: sched.address, at: now)
    }.flatMap { $0 }
  }

  /// Up to 6.15: variables of the kernel, of which the table exists from boot on.
  private func onlyScxQueues(at now: UInt64?) throws(ReadFault) -> [ScxDispatchQueue] {
    let (array, table) = try view.together(variable("global_dsqs"), variable("dsq_hash"))
    let (global, user) = try view.together(
      globalQueues(array.map { array throws(ReadFault) in try view.pointer(at: array) }, at: now),
      userQueues(table, at: now))
    return global + user
  }

  private func scxQueues(
    of address: KernelVirtualAddress, at now: UInt64?
  ) throws(ReadFault) -> [ScxDispatchQueue] {
    let sched = try read(ScxSchedQueues.self, at: address)
    let (path, bypass, global, user) = try view.together(
      sched.cgroupPath, bypassQueues(sched, at: now), globalQueues(sched.nodes, at: now),
      userQueues(sched.address(of: \.dsqHash), at: now))
    return (bypass + global + user).map { queue in
      var queue = queue
      (queue.scheduler, queue.cgroupPath) = (sched.name, path)
      return queue
    }
  }

  private func bypassQueues(
    _ sched: KernelObject<ScxSchedQueues>, at now: UInt64?
  ) throws(ReadFault) -> [ScxDispatchQueue] {
    try view.each(try sched.pcpu ?? []) { copy throws(ReadFault) in
      try copy.object.bypassDSQ?.queue(.bypass(cpu: copy.cpu.id), at: now)
    }.compactMap { $0 }
  }

  /// - Parameter array: of pointers, one a node.
  private func globalQueues(
    _ array: KernelVirtualAddress?, at now: UInt64?
  ) throws(ReadFault) -> [ScxDispatchQueue] {
    guard let array, array.rawValue != 0 else { return [] }
    let pointers = try view.bytes(at: array, count: 8 * (try nodes()))
    let isInStruct = (try? kernel.layouts.size(of: "scx_sched_pnode")) != nil
    return try view.each(0..<pointers.count / 8) { node throws(ReadFault) in
      let pointer = KernelVirtualAddress(pointers.u64(at: 8 * node)!)
      // A node that is not there.
      guard pointer.rawValue != 0 else { return nil }
      let queue =
        isInStruct
        ? try read(ScxSchedNode.self, at: pointer).globalDSQ
        : try read(ScxDispatchQueueStruct.self, at: pointer)
      return try queue.queue(.global(node: node), at: now)
    }.compactMap { $0 }
  }

  /// `nr_node_ids`, which is a variable only of kernels with NUMA.
  private func nodes() throws(ReadFault) -> Int {
    guard let variable = try variable("nr_node_ids") else { return 1 }
    let count = try view.u32(at: variable)
    guard (1...Self.mostNodes).contains(count) else {
      throw .corrupt("nr_node_ids is \(count)", at: variable)
    }
    return Int(count)
  }

  private func userQueues(
    _ table: KernelVirtualAddress?, at now: UInt64?
  ) throws(ReadFault) -> [ScxDispatchQueue] {
    guard let table else { return [] }
    // The table of a kernel whose scheduler has gone has no buckets.
    guard try read(QueueTable.self, at: table).buckets.rawValue != 0 else { return [] }
    return try rhashtable(
      at: table, of: \ScxDispatchQueueStruct.hashNode, most: Self.mostQueues
    ) { queue throws(ReadFault) in try queue.queue(.user, at: now) }
    .sorted { $0.id < $1.id }
  }
}

/// `struct rhashtable` of include/linux/rhashtable-types.h, while there may be none.
private struct QueueTable: KernelStruct {
  static let kernelName = "rhashtable"
  let buckets = Member<KernelVirtualAddress>("tbl")
}
