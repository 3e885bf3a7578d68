import GuestScopeGuestMemory
import GuestScopeKernelTasks
import GuestScopeLinuxKernel

/// What the kernel's own debug dump has when a scheduler is thrown out, and more: made from outside.
public struct ScxDump: Sendable {
  public var cpus: [ScxCPU]
  /// Local ones first, by CPU, then those of the schedulers.
  public var queues: [ScxDispatchQueue]
  /// Those that sched_ext schedules, or has prepared, by pid.
  public var tasks: [ScxTask]
}

/// What sched_ext keeps of a CPU: `struct scx_rq`.
public struct ScxCPU: Sendable {
  public var cpu: Int
  /// Nanoseconds: the run queue's.
  public var clock: UInt64
  public var running: UInt32
  public var flags: UInt64
  /// Of `enum scx_rq_flags`, and what the root scheduler has of the CPU.
  public var flagNames: [String]
  /// Another class has taken the CPU.
  /// Nil where this kernel does not show it.
  public var released: Bool?
  /// Up to 7.1, and in the task since.
  public var queueSequence: UInt64?
  public var kickSequence: UInt64?
  /// Since 7.2.
  public var immediate: UInt32?
  public var current: RunningTask
  public var currentClass: String?
  /// In the order in which they came.
  public var runnable: [ScxTask]
}

/// `struct rq` of kernel/sched/sched.h with its `struct scx_rq`.
struct ScxRunQueue: KernelStruct {
  static let kernelName = "rq"
  let clock = Member<UInt64>("clock")
  let current = Link<ClassedTask>("curr")
  let running = Member<UInt32>("scx.nr_running")
  let flags = Member<UInt32>("scx.flags")
  let released = OptionalMember<Bool>("scx.cpu_released")
  let opsQseq = OptionalMember<UInt64>("scx.ops_qseq")
  /// `pnt_seq` up to 6.18.
  let kickSync = OptionalMember<UInt64>("scx.kick_sync", "scx.pnt_seq")
  let immediate = OptionalMember<UInt32>("scx.nr_immed")
  let localDSQ = Link<ScxDispatchQueueStruct>("scx.local_dsq")
  /// 6.19 and 7.0; the scheduler's since.
  let bypassDSQ = OptionalLink<ScxDispatchQueueStruct>("scx.bypass_dsq")
  let rejectDSQ = OptionalLink<ScxDispatchQueueStruct>("scx.reject_dsq")
  let rescueDSQ = OptionalLink<ScxDispatchQueueStruct>("scx.rescue.dsq")
  let runnableList = Place("scx.runnable_list")
}

/// `struct task_struct`, of which a run queue names the running one.
struct ClassedTask: KernelStruct {
  static let kernelName = "task_struct"
  let pid = Member<UInt32>("pid")
  let comm = Member<String>("comm", size: 16)
  let schedClass = Member<KernelVirtualAddress>("sched_class")
}

/// Reads all that sched_ext has, by tables rather than by lists where the kernel has both.
public struct ScxDumper: Sendable {
  private let table: ObjectTable

  /// - Throws: `KernelError.symbolNotFound` for a kernel without `init_pid_ns`.
  public init(_ kernel: GuestKernel) throws(KernelError) {
    table = try ObjectTable(.task, kernel)
  }

  /// - Throws: `Unreadable.Reason.lacking` for a kernel without sched_ext.
  public func dump(in walk: Walk) throws(ReadFault) -> ScxDump {
    try walk.requireSchedExt()
    let now = try walk.jiffies()
    let (tasks, found, global, flags) = try walk.view.together(
      tasks(at: now, walk), walk.scxCPUs(at: now), walk.scxQueues(at: now),
      walk.flagsOfRootScheduler())
    let cpus = found.map { found in
      var cpu = found.cpu
      cpu.flagNames += flags[cpu.cpu] ?? []
      return cpu
    }
    return ScxDump(cpus: cpus, queues: found.flatMap(\.queues) + global, tasks: tasks)
  }

  private func tasks(at now: UInt64?, _ walk: Walk) throws(ReadFault) -> [ScxTask] {
    try table.objects(in: walk.view) { number throws(ReadFault) -> ScxTask? in
      let task = try walk.read(ScxTaskStruct.self, at: number.pointer)
      guard !walk.isSnapshot || UInt64(task.pid) == number.index else {
        throw .corrupt("a task with another pid, \(task.pid)", at: task.address)
      }
      let found = try task.scxTask(at: now)
      let isNone = found.state == "SCX_TASK_NONE" && found.schedulingClass != "ext"
      return isNone ? nil : found
    }
  }
}

extension Walk {
  /// Runnable tasks of one CPU that are walked.
  private static var mostRunnable: Int { 4096 }

  fileprivate func scxCPUs(
    at now: UInt64?
  ) throws(ReadFault) -> [(cpu: ScxCPU, queues: [ScxDispatchQueue])] {
    let runQueues = try copies(of: symbol("runqueues"), as: ScxRunQueue.self)
    let found = try view.each(runQueues) { rq throws(ReadFault) in
      let key = ObjectKey("sched_ext run queue", id: UInt64(rq.cpu.id), at: rq.object.address)
      return try view.object(key) { () throws(ReadFault) in
        try view.together(
          scxCPU(rq.cpu.id, rq.object, at: now), scxQueues(of: rq.cpu.id, rq.object, at: now))
      }
    }
    return found.compactMap { $0 }
  }

  /// What the root scheduler has of each CPU, by its number: SCX_SCHED_PCPU_BYPASSING, since 7.1. Until then
  /// it is among the flags of the run queue.
  fileprivate func flagsOfRootScheduler() throws(ReadFault) -> [Int: [String]] {
    guard let root = try variable("scx_root") else { return [:] }
    let address = try view.pointer(at: root)
    guard address.rawValue != 0, let copies = try read(ScxSched.self, at: address).pcpu else {
      return [:]
    }
    var flags: [Int: [String]] = [:]
    for copy in copies {
      flags[copy.cpu.id] = copy.object.flags.map(kernel.scxNames.cpuFlags.flags(in:))
    }
    return flags
  }

  private func scxCPU(
    _ cpu: Int, _ rq: KernelObject<ScxRunQueue>, at now: UInt64?
  ) throws(ReadFault) -> ScxCPU {
    let (current, runnable) = try view.together(
      rq.current,
      list(
        at: rq.address(of: \.runnableList)!, of: \ScxTaskStruct.runnableNode,
        most: Self.mostRunnable
      ) { task throws(ReadFault) in try task.scxTask(at: now) })
    return ScxCPU(
      cpu: cpu, clock: rq.clock, running: rq.running, flags: UInt64(rq.flags),
      flagNames: kernel.scxNames.rqFlags.flags(in: UInt64(rq.flags)), released: rq.released,
      queueSequence: rq.opsQseq, kickSequence: rq.kickSync, immediate: rq.immediate,
      current: RunningTask(cpu: cpu, pid: current.pid, comm: current.comm),
      currentClass: kernel.schedulingClasses[current.schedClass.rawValue], runnable: runnable)
  }

  private func scxQueues(
    of cpu: Int, _ rq: KernelObject<ScxRunQueue>, at now: UInt64?
  ) throws(ReadFault) -> [ScxDispatchQueue] {
    let (local, bypass, reject, rescue) = try view.together(
      rq.localDSQ, rq.bypassDSQ, rq.rejectDSQ, rq.rescueDSQ)
    let queues: [(ScxDispatchQueue.Place, KernelObject<ScxDispatchQueueStruct>?)] = [
      (.local(cpu: cpu), local), (.bypass(cpu: cpu), bypass), (.reject(cpu: cpu), reject),
      (.rescue(cpu: cpu), rescue),
    ]
    return try view.each(queues) { place, queue throws(ReadFault) in
      try queue?.queue(place, at: now)
    }.compactMap { $0 }
  }
}
