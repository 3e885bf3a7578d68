import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport

@testable import GuestScopeKernelScheduler

/// A guest of two CPUs with a scheduler of sched_ext, and tasks that wait in its queues.
final class ScxGuest {
  let guest: SyntheticGuest
  let hasScheds: Bool
  private(set) var queues: [PhysicalAddress] = []
  var tasks: [UInt32: PhysicalAddress] = [:]
  /// Its `struct scx_sched`, or the variable `scx_ops`.
  private(set) var scheduler = PhysicalAddress(0)
  private(set) var exitInfo = PhysicalAddress(0)
  private(set) var userQueue = PhysicalAddress(0)
  var numbers: [UInt64: UInt64] = [:]
  private var nextSymbol: UInt64 = 0x700

  var ram: RAMBuilder { guest.ram }
  var types: KernelTypes { guest.types }

  init(hasScheds: Bool = true) {
    self.hasScheds = hasScheds
    guest = SyntheticGuest(.schedExt(hasScheds: hasScheds))
    let (pointer, copies) = guest.perCPU(256)
    queues = copies
    // A per-CPU symbol is a number from 0 on, and not a place in the image.
    guest.symbols["runqueues"] = pointer &- guest.textBase
    for name in ["init_pid_ns", "ext_sched_class", "fair_sched_class", "jiffies_64"] {
      _ = variable(name)
    }
    ram.write(10_000 as UInt64, at: guest.place("jiffies_64"))
    placeVariables()
    for (cpu, queue) in queues.enumerated() {
      let scx = queue + 64
      empty(listAt: scx + types["scx_rq.runnable_list"])
      placeQueue(at: scx, id: 1 << 63 | 2)
      ram.write(UInt64(1_000_000 * (cpu + 1)), at: queue + 8)
      ram.write(1 as UInt32, at: scx + types["scx_rq.flags"])
    }
    placeScheduler()
  }

  // MARK: Variables

  /// A variable of 64 bytes.
  private func variable(_ name: String) -> PhysicalAddress {
    guest.symbols[name] = guest.dataOffset + nextSymbol
    nextSymbol += 64
    return guest.place(name)
  }

  private func placeVariables() {
    let old = hasScheds ? "scx_" : "scx_ops_"
    ram.write(1 as UInt32, at: variable(old + "enable_state_var"))
    ram.write(1 as UInt32, at: variable(hasScheds ? "__scx_enabled" : "__scx_ops_enabled"))
    ram.write(1 as UInt32, at: variable("__scx_switched_all"))
    ram.write([1], at: variable("scx_switching_all"))
    ram.write(3 as UInt64, at: variable("scx_nr_rejected"))
    ram.write(4 as UInt64, at: variable("scx_hotplug_seq"))
    ram.write(5 as UInt64, at: variable("scx_enable_seq"))
    ram.write(750 as UInt64, at: variable("scx_watchdog_timeout"))
    if !hasScheds { ram.write(2 as UInt32, at: variable("scx_ops_bypass_depth")) }
  }

  private func placeScheduler() {
    exitInfo = ram.allocate(64)
    let nodes = ram.allocate(64)
    userQueue = ram.allocate(64)
    placeQueue(at: userQueue, id: 100)
    let table = placeTable(of: userQueue)
    let global = ram.allocate(64)
    placeQueue(at: global, id: 1 << 63 | 1)
    ram.write(guest.direct(global), at: nodes)
    if hasScheds {
      scheduler = ram.allocate(512)
      ram.write(guest.direct(scheduler), at: variable("scx_root"))
      placeHash(table, at: scheduler + types["scx_sched.dsq_hash"])
      ram.write(guest.direct(nodes), at: scheduler + types["scx_sched.pnode"])
      ram.write(1 as UInt32, at: scheduler + types["scx_sched.bypass_depth"])
      ram.write(guest.direct(exitInfo), at: scheduler + types["scx_sched.exit_info"])
      let (pointer, copies) = guest.perCPU(32)
      ram.write(pointer, at: scheduler + types["scx_sched.pcpu"])
      for (cpu, copy) in copies.enumerated() {
        ram.write(UInt64(cpu), at: copy + 8)
        ram.write(UInt64(10 + cpu), at: copy + 16)
        ram.write(UInt64(100), at: copy + 24)
      }
    } else {
      // Two variables' places.
      scheduler = variable("scx_ops")
      nextSymbol += 192
      placeHash(table, at: variable("dsq_hash"))
      ram.write(guest.direct(nodes), at: variable("global_dsqs"))
      ram.write(guest.direct(exitInfo), at: variable("scx_exit_info"))
    }
    ram.write(10 as UInt64, at: scheduler)
    ram.write(Array("gs_test".utf8), at: scheduler + 16)
  }

  // MARK: Containers

  func empty(listAt head: PhysicalAddress) {
    ram.write(guest.direct(head), at: head)
    ram.write(guest.direct(head), at: head + 8)
  }

  func append(_ node: PhysicalAddress, toListAt head: PhysicalAddress) {
    let last = guest.physical(ram.u64(at: head + 8))
    ram.write(guest.direct(head), at: node)
    ram.write(guest.direct(last), at: node + 8)
    ram.write(guest.direct(node), at: last)
    ram.write(guest.direct(node), at: head + 8)
  }

  private func placeQueue(at queue: PhysicalAddress, id: UInt64) {
    empty(listAt: queue + types["scx_dispatch_q.list"])
    ram.write(id, at: queue + types["scx_dispatch_q.id"])
  }

  /// A table of one bucket with one queue.
  private func placeTable(of queue: PhysicalAddress) -> PhysicalAddress {
    let table = ram.allocate(128)
    ram.write(1 as UInt32, at: table)
    let bucket = table + 64
    let head = queue + types["scx_dispatch_q.hash_node"]
    ram.write(guest.direct(head), at: bucket)
    ram.write(guest.direct(bucket) | 1, at: head)
    return table
  }

  private func placeHash(_ table: PhysicalAddress, at place: PhysicalAddress) {
    ram.write(guest.direct(table), at: place)
    ram.write(1 as UInt32, at: place + 56)
  }

  // MARK: Questions

  func kernel(_ engine: SnapshotEngine) throws -> GuestKernel {
    try GuestKernel(try guest.image(), in: engine)
  }

  func snapshot<T>(
    _ walker: @escaping (Walk) throws(ReadFault) -> T
  ) throws -> Snapshot<T> {
    let engine = SnapshotEngine(guest.memory)
    return try kernel(engine).snapshot(engine, walker)
  }

  func dump() throws -> Snapshot<ScxDump> {
    let engine = SnapshotEngine(guest.memory)
    let kernel = try kernel(engine)
    let dumper = try ScxDumper(kernel)
    return try kernel.snapshot(engine) { walk throws(ReadFault) in try dumper.dump(in: walk) }
  }
}
