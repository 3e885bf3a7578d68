import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// What the run queues and the numbers of tasks lead to.
public struct TaskList: Sendable {
  /// By ascending pid: threads of processes and of the kernel, and those that have ended and were not
  /// waited for. The idle tasks of the CPUs, which have the number 0, are not among them.
  public var tasks: [KernelTask]
  /// What each CPU runs that has come up; nil where this kernel does not show its run queues.
  public var running: [RunningTask]?
  /// Half of the time after which the kernel's watchdog complains of a soft lockup, in nanoseconds; nil
  /// where it is off, or the kernel does not show it.
  public var lockupThreshold: UInt64?
  /// The newest clock of all run queues: nanoseconds since boot, about. Nil where this kernel does not show
  /// its run queues.
  public var clock: UInt64?
}

/// The tasks of a guest.
public struct KernelTasks: Sendable {
  let table: ObjectTable

  /// - Throws: `KernelError.symbolNotFound` for a kernel without `init_pid_ns`.
  public init(_ kernel: GuestKernel) throws(KernelError) {
    table = try ObjectTable(.task, kernel)
  }

  /// All threads. Their numbers are in an xarray, so that all tasks are read at once; the kernel's
  /// list of them would take a wave for each.
  ///
  /// - Parameters:
  ///   - pids: those that are wanted; nil for all.
  ///   - cgroups: also in which cgroup each is, which takes some waves more: one for each level of the
  ///     deepest of them.
  public func list(
    _ pids: Set<UInt64>? = nil, cgroups: Bool = false, in walk: Walk
  ) throws(ReadFault) -> TaskList {
    try list(pids, cgroups: cgroups, in: walk) { _ throws(ReadFault) in () }.list
  }

  /// All threads, and what `body` makes of the `struct task_struct` of each, as part of the same object
  /// of the view.
  ///
  /// - Returns: in the order of the list.
  public func list<More>(
    _ pids: Set<UInt64>? = nil, cgroups: Bool = false, in walk: Walk,
    _ body: (KernelVirtualAddress) throws(ReadFault) -> More
  ) throws(ReadFault) -> (list: TaskList, more: [More]) {
    let (queues, watchdog, both) = try walk.view.together(
      walk.ifKnown(runQueues(walk)), walk.watchdog(),
      table.objects(pids, in: walk.view) { number throws(ReadFault) in
        try walk.view.together(
          entry(walk.read(TaskStruct.self, at: number.pointer), number: number.index),
          body(number.pointer))
      })
    let found = both.map(\.0)
    let numbers = Dictionary(
      found.map { ($0.address, $0.task.tgid) }, uniquingKeysWith: { first, _ in first })
    let clocks = queues.map(RunQueueClocks.init)
    let current = queues.map { Set($0.map(\.current)) }
    let paths = cgroups ? try self.cgroups(of: Set(found.map(\.cgroups)), walk) : [:]
    let tasks = found.map { found in
      var task = found.task
      task.cgroup = paths[found.cgroups]
      // The parent of the first two is the idle task of the first CPU.
      task.parent = numbers[found.parent] ?? (task.pid <= 2 ? 0 : nil)
      task.isRunning = current?.contains(found.address)
      if let clocks { task.measure(by: clocks, found.lastRan, found.lastArrival, found.lastQueued) }
      return task
    }
    let list = TaskList(
      tasks: tasks,
      running: queues.map { queues in
        queues.map { $0.measured(by: clocks?.now ?? 0, watchdog) }
      },
      lockupThreshold: watchdog.map { $0.threshold * 1_000_000_000 }, clock: clocks?.now)
    return (list, both.map(\.1))
  }

  private func runQueues(_ walk: Walk) throws(ReadFault) -> [TaskQueue] {
    let stamp = try walk.ifKnown(walk.symbol(Watchdog.stamp))
    return try walk.copies(
      of: walk.symbol("runqueues"), as: RunQueueStruct.self, called: "run queue"
    ) { cpu, queue throws(ReadFault) in
      let (task, clocks, stamp) = try walk.view.together(
        running(queue, on: cpu), walk.view.together(queue.clock, queue.taskClock),
        stamp.map { stamp throws(ReadFault) in try walk.view.u64(at: cpu.address(of: stamp)) })
      return task.map {
        TaskQueue(
          current: $0.address, running: $0.task, clock: clocks.0, taskClock: clocks.1,
          watchdogStamp: stamp)
      }
    }
  }

  /// Nil for a CPU that has not come up.
  private func running(
    _ queue: KernelObject<RunQueueStruct>, on cpu: CPU
  ) throws(ReadFault) -> (address: KernelVirtualAddress, task: RunningTask)? {
    guard let task = try queue.current else { return nil }
    return (task.address, RunningTask(cpu: cpu.id, pid: task.pid, comm: task.comm))
  }

  private typealias Entry = (
    task: KernelTask, address: KernelVirtualAddress, parent: KernelVirtualAddress, lastRan: UInt64,
    lastArrival: UInt64?, lastQueued: UInt64?, cgroups: KernelVirtualAddress
  )

  /// The paths of the cgroups that sets lead to; none of those that are damaged. Each set is an object of the
  /// view.
  private func cgroups(
    of sets: Set<KernelVirtualAddress>, _ walk: Walk
  ) throws(ReadFault) -> [KernelVirtualAddress: String] {
    let paths = try walk.view.each(sets.sorted { $0.rawValue < $1.rawValue }) {
      address throws(ReadFault) -> (KernelVirtualAddress, String)? in
      try walk.view.object(ObjectKey("css_set", id: address.rawValue, at: address)) {
        () throws(ReadFault) in
        do throws(ReadFault) {
          let cgroup = try walk.read(CSSSet.self, at: address).defaultCgroup
          return (address, try walk.cgroupPath(at: cgroup))
        } catch .unreadable {
          return nil
        }
      } ?? nil
    }
    return Dictionary(paths.compactMap { $0 }, uniquingKeysWith: { first, _ in first })
  }

  private func entry(
    _ task: KernelObject<TaskStruct>, number: UInt64
  ) throws(ReadFault) -> Entry {
    guard !task.walk.isSnapshot || UInt64(task.pid) == number else {
      throw .corrupt("a task with another pid, \(task.pid)", at: task.address)
    }
    let isKernelThread = task.flags & Self.kernelThread != 0
    let name = isKernelThread ? try fullName(of: task) : nil
    return (
      KernelTask(
        pid: task.pid, tgid: task.tgid, comm: task.comm, name: name ?? task.comm,
        state: TaskState(
          task.state.map(UInt64.init) ?? task.longState ?? 0, exitState: task.exitState),
        cpu: task.cpu, schedulingClass: task.kernel.schedulingClasses[task.schedClass.rawValue],
        isKernelThread: isKernelThread, start: task.startBoottime),
      task.address, task.realParent, task.execStart, task.lastArrival, task.lastQueued,
      task.cgroups ?? KernelVirtualAddress(0)
    )
  }

  /// PF_KTHREAD of include/linux/sched.h.
  private static let kernelThread: UInt32 = 0x20_0000

  /// `get_kthread_comm()` of kernel/kthread.c; nil where it is `comm`.
  private func fullName(of task: KernelObject<TaskStruct>) throws(ReadFault) -> String? {
    guard let thread = task.workerPrivate, thread.rawValue != 0 else { return nil }
    return try task.walk.ifKnown(task.walk.read(KThread.self, at: thread).fullName)
  }
}

extension KernelTask {
  /// - Parameters:
  ///   - lastRan: `se.exec_start`. It is 0 for a task that came to its CPU and has not run there: since 6.12 also
  ///     one that sleeps, which a run queue keeps for a while (DELAY_DEQUEUE) and load balancing may move.
  ///   - lastArrival: `sched_info.last_arrival`, when it began to run last.
  ///   - lastQueued: `sched_info.last_queued`.
  fileprivate mutating func measure(
    by clocks: RunQueueClocks, _ lastRan: UInt64, _ lastArrival: UInt64?, _ lastQueued: UInt64?
  ) {
    guard isRunning != true else {
      idle = 0
      return
    }
    idle = clocks.idle(since: lastRan, onCPU: cpu)
    if idle == nil, let lastArrival, lastArrival != 0 { idle = clocks.waiting(since: lastArrival) }
    guard state.letter == "R" else { return }
    waiting = lastQueued.map(clocks.waiting) ?? idle
  }
}
