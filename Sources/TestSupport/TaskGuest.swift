import GuestScopeBytes
import GuestScopeGuestMemory

/// A guest of two CPUs with some tasks.
public final class TaskGuest {
  public let guest: SyntheticGuest
  /// The run queue of each CPU.
  public let queues: [PhysicalAddress]
  private var numbers: [UInt64: UInt64] = [:]
  public private(set) var places: [UInt32: PhysicalAddress] = [:]
  /// By number of the CPU, as of a guest whose idle tasks run.
  private var idleTasks: [PhysicalAddress] = []

  /// - Parameter declare: adds the types that a test needs besides.
  public init(_ declare: (inout KernelTypes) -> Void = { _ in }) {
    var types = KernelTypes.kernel(.linux6)
    types.declare("hlist_node", size: 16, [("next", 0, .pointer), ("pprev", 8, .pointer)])
    types.declare("hlist_head", size: 8, [("first", 0, .pointer)])
    types.declare("pid", size: 64, [("tasks", 16, .structures("hlist_head", 4))])
    types.declare("pid_namespace", size: 64, [("idr", 0, .structure("idr"))])
    types.declare("thread_info", size: 24, [("cpu", 20, .u32)])
    types.declare("sched_entity", size: 64, [("exec_start", 16, .u64)])
    types.declare("sched_info", size: 32, [("last_arrival", 16, .u64), ("last_queued", 24, .u64)])
    types.declare("thread_struct", size: 64, [("sp", 24, .u64)])
    types.declare("kthread", size: 64, [("full_name", 56, .pointer)])
    types.declare(
      "task_struct", size: 512,
      [
        ("thread_info", 0, .structure("thread_info")), ("__state", 24, .u32), ("flags", 44, .u32),
        ("se", 64, .structure("sched_entity")), ("sched_class", 128, .pointer),
        ("exit_state", 136, .u32), ("pid", 140, .u32), ("tgid", 144, .u32),
        ("real_parent", 152, .pointer), ("pid_links", 160, .structures("hlist_node", 4)),
        ("start_boottime", 224, .u64), ("comm", 232, .bytes(16)),
        ("worker_private", 248, .pointer), ("stack", 256, .pointer), ("on_cpu", 264, .u32),
        ("thread", 272, .structure("thread_struct")), ("sched_info", 336, .structure("sched_info")),
      ])
    types.declare(
      "rq", size: 64,
      [
        ("clock", 8, .u64), ("curr", 16, .pointerTo("task_struct")), ("clock_task", 24, .u64),
      ])
    declare(&types)
    guest = SyntheticGuest(types)
    let (pointer, copies) = guest.perCPU(64)
    queues = copies
    guest.symbols["init_pid_ns"] = guest.dataOffset + 0x700
    guest.symbols["fair_sched_class"] = guest.dataOffset + 0x780
    // A per-CPU symbol is a number from 0 on, and not a place in the image.
    guest.symbols["runqueues"] = pointer &- guest.textBase
    for queue in queues {
      let idle = guest.ram.allocate(512)
      guest.ram.write(Array("swapper".utf8), at: idle + 232)
      idleTasks.append(idle)
      run(idle, on: queue, clock: 0, taskClock: 0)
    }
  }

  private func run(
    _ task: PhysicalAddress, on queue: PhysicalAddress, clock: UInt64, taskClock: UInt64
  ) {
    guest.ram.write(clock, at: queue + 8)
    guest.ram.write(guest.direct(task), at: queue + 16)
    guest.ram.write(taskClock, at: queue + 24)
  }

  /// - Parameters:
  ///   - pid: of the task that runs; nil for none.
  ///   - taskClock: the clock that leaves out the time of interrupts; nil for one without any.
  public func run(_ pid: UInt32?, onCPU cpu: Int, clock: UInt64, taskClock: UInt64? = nil) {
    run(
      pid.map { places[$0]! } ?? idleTasks[cpu], on: queues[cpu], clock: clock,
      taskClock: taskClock ?? clock)
  }

  @discardableResult
  public func add(
    _ pid: UInt32, tgid: UInt32? = nil, parent: UInt32? = nil, _ comm: String, state: UInt32 = 1,
    flags: UInt32 = 0, lastRan: UInt64 = 0, lastArrival: UInt64 = 0, lastQueued: UInt64 = 0,
    fullName: String? = nil
  ) -> PhysicalAddress {
    let ram = guest.ram
    let (task, number) = (ram.allocate(512), ram.allocate(64))
    places[pid] = task
    ram.write(1 as UInt32, at: task + 20)
    ram.write(state, at: task + 24)
    ram.write(flags, at: task + 44)
    ram.write(lastRan, at: task + 80)
    ram.write(guest.textBase + guest.dataOffset + 0x780, at: task + 128)
    ram.write(pid, at: task + 140)
    ram.write(tgid ?? pid, at: task + 144)
    ram.write(guest.direct(parent.map { places[$0]! } ?? idleTasks[0]), at: task + 152)
    ram.write(guest.direct(task + 160), at: number + 16)
    ram.write(Array(comm.utf8.prefix(15)), at: task + 232)
    ram.write(lastArrival, at: task + 352)
    ram.write(lastQueued, at: task + 360)
    if let fullName {
      let (thread, text) = (ram.allocate(64), ram.allocate(64))
      ram.write(Array(fullName.utf8), at: text)
      ram.write(guest.direct(text), at: thread + 56)
      ram.write(guest.direct(thread), at: task + 248)
    }
    numbers[UInt64(pid)] = guest.direct(number)
    return task
  }

  /// A number that only a process group has.
  public func addGroup(_ number: UInt64) { numbers[number] = guest.direct(guest.ram.allocate(64)) }

  /// Gives the kernel a watchdog.
  ///
  /// - Parameters:
  ///   - threshold: seconds.
  ///   - stamps: one a CPU.
  ///   - online: a bit a CPU.
  public func watch(threshold: UInt32, stamps: [UInt64], online: UInt64 = 3, isOn: Bool = true) {
    let (pointer, copies) = guest.perCPU(8)
    guest.symbols["watchdog_touch_ts"] = pointer &- guest.textBase
    for (stamp, copy) in zip(stamps, copies) { guest.ram.write(stamp, at: copy) }
    let variables: [(String, UInt64)] = [
      ("watchdog_thresh", UInt64(threshold)), ("watchdog_enabled", isOn ? 3 : 1),
      ("__cpu_online_mask", online), ("watchdog_cpumask", 3),
    ]
    for (index, (name, value)) in variables.enumerated() {
      guest.symbols[name] = guest.dataOffset + 0x7a0 + 8 * UInt64(index)
      guest.ram.write(value, at: guest.place(name))
    }
  }

  /// Writes the table of numbers.
  public func finish() {
    let namespace = guest.place("init_pid_ns")
    let builder = XArrayBuilder(guest.ram, guest.types, virtual: guest.direct)
    guest.ram.write(0x0200_0004 as UInt32, at: namespace + 4)
    guest.ram.write(builder.head(numbers), at: namespace + 8)
  }
}
