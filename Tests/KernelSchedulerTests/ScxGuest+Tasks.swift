import GuestScopeGuestMemory
import TestSupport

/// Tasks of a guest that a test makes, and why its scheduler leaves.
extension ScxGuest {
  /// - Parameter state: `SCX_TASK_…` as the kernel counts it, shifted to its place.
  func add(_ pid: UInt32, _ comm: String, state: UInt32, waits jiffies: UInt64 = 0) {
    let (task, number) = (ram.allocate(512), ram.allocate(64))
    tasks[pid] = task
    ram.write(1 as UInt32, at: task + 20)
    ram.write(pid, at: task + 140)
    let scx = task + 256
    let className = state == 0 ? "fair_sched_class" : "ext_sched_class"
    ram.write(guest.textBase + guest.symbols[className]!, at: task + 128)
    ram.write(Array(comm.utf8), at: task + 232)
    ram.write(guest.direct(task + 160), at: number + 16)
    ram.write(state | 1, at: scx + types["sched_ext_entity.flags"])
    ram.write(100 as UInt32, at: scx + types["sched_ext_entity.weight"])
    ram.write(UInt32.max, at: scx + types["sched_ext_entity.sticky_cpu"])
    ram.write(UInt32.max, at: scx + types["sched_ext_entity.holding_cpu"])
    ram.write(7 << 2 | 2 as UInt64, at: scx + types["sched_ext_entity.ops_state"])
    ram.write(10_000 - jiffies, at: scx + types["sched_ext_entity.runnable_at"])
    ram.write(5_000_000 as UInt64, at: scx + types["sched_ext_entity.slice"])
    numbers[UInt64(pid)] = guest.direct(number)
    for node in ["dsq_list", "runnable_node"] {
      empty(listAt: scx + types["sched_ext_entity.\(node)"])
    }
  }

  func run(_ pid: UInt32, onCPU cpu: Int) {
    ram.write(guest.direct(tasks[pid]!), at: queues[cpu] + 16)
  }

  func makeRunnable(_ pid: UInt32, onCPU cpu: Int) {
    append(
      tasks[pid]! + 256 + types["sched_ext_entity.runnable_node"],
      toListAt: queues[cpu] + 64 + types["scx_rq.runnable_list"])
  }

  func enqueue(_ pid: UInt32) {
    let scx = tasks[pid]! + 256
    append(
      scx + types["sched_ext_entity.dsq_list"], toListAt: userQueue + types["scx_dispatch_q.list"])
    ram.write(guest.direct(userQueue), at: scx)
    let count = userQueue + types["scx_dispatch_q.nr"]
    ram.write(UInt32(truncatingIfNeeded: ram.u64(at: count)) + 1, at: count)
  }

  /// The place that an iterator of BPF has come to.
  func addCursor() {
    let cursor = ram.allocate(64)
    append(cursor, toListAt: userQueue + types["scx_dispatch_q.list"])
    ram.write(1 as UInt32, at: cursor + 16)
  }

  func leave(kind: UInt32, _ reason: String, _ message: String, frames: [UInt64], dump: String) {
    func text(_ text: String) -> UInt64 {
      let place = ram.allocate(text.utf8.count + 1)
      ram.write(Array(text.utf8), at: place)
      return guest.direct(place)
    }
    let stack = ram.allocate(512)
    for (index, frame) in frames.enumerated() { ram.write(frame, at: stack + 8 * index) }
    ram.write(kind, at: exitInfo)
    ram.write(Int64(-7), at: exitInfo + 8)
    ram.write(1 as UInt64, at: exitInfo + 16)
    ram.write(text(reason), at: exitInfo + 24)
    ram.write(guest.direct(stack), at: exitInfo + 32)
    ram.write(UInt32(frames.count), at: exitInfo + 40)
    ram.write(text(message), at: exitInfo + 48)
    ram.write(text(dump), at: exitInfo + 56)
  }

  /// Writes the table of numbers.
  func finish() {
    let namespace = guest.place("init_pid_ns")
    let builder = XArrayBuilder(ram, types, virtual: guest.direct)
    ram.write(0x0200_0004 as UInt32, at: namespace + 4)
    ram.write(builder.head(numbers), at: namespace + 8)
  }

  /// A scheduler with three tasks in its own queue, one that runs, and one that it does not have.
  static func sample(hasScheds: Bool = true) -> ScxGuest {
    let guest = ScxGuest(hasScheds: hasScheds)
    let enabled: UInt32 = hasScheds ? 0x400 : 0x300
    for (index, pid) in ([31, 12, 23, 40] as [UInt32]).enumerated() {
      guest.add(pid, "task-\(pid)", state: enabled, waits: UInt64(index) * 25)
    }
    guest.add(50, "fair", state: 0)
    for pid in [31, 12, 23] as [UInt32] {
      guest.makeRunnable(pid, onCPU: 0)
      guest.enqueue(pid)
    }
    guest.addCursor()
    guest.run(40, onCPU: 0)
    guest.run(50, onCPU: 1)
    guest.finish()
    return guest
  }
}
