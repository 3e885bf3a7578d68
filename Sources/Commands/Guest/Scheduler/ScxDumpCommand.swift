import ArgumentParser
import GuestScopeGuestMemory
import GuestScopeKernelScheduler

/// `scx dump`: what sched_ext has of CPUs, queues and tasks.
struct ScxDumpCommand: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "dump", abstract: "CPUs, dispatch queues and tasks of sched_ext.",
    discussion: """
      What the kernel itself dumps when it throws a scheduler out, made from outside and at any time: \
      each CPU with the tasks that want to run there, each dispatch queue (DSQ) that has tasks or that \
      the scheduler has made, with its tasks in their order, and all tasks that sched_ext schedules or has prepared. WAIT is how long \
      a task has wanted to run; it means little for one that does not.

      With -j the other empty queues are there as well. The tasks of a scheduler that was loaded with \
      SCX_OPS_SWITCH_PARTIAL are those of class ext.
      """)

  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static let cpuFields: [Field<ScxCPU>] = [
    Field("cpu", .number("CPU")) { JSON($0.cpu) },
    Field("clock_ns") { .unsigned($0.clock) },
    Field("nr_running", .number("NR")) { JSON($0.running) },
    Field("rq_flags") { .unsigned($0.flags) },
    Field("flags", .text("FLAGS")) { .array($0.flagNames.map { .string($0) }) },
    Field("cpu_released", .text("RELEASED")) { JSON($0.released) },
    Field("ops_qseq") { JSON($0.queueSequence) },
    Field("kick_sync", .number("KICK_SYNC")) { JSON($0.kickSequence) },
    Field("nr_immed") { JSON($0.immediate) },
    Field("pid", .number("PID")) { JSON($0.current.pid) },
    Field("comm", .text("CURRENT")) { .string($0.current.comm) },
    Field("class", .text("CLASS")) { JSON($0.currentClass) },
    Field("runnable") { .array([JSON]($0.runnable, taskFields)) },
    .onScreen(.text("RUNNABLE")) { $0.runnable.map { "\($0.pid)" }.joined(separator: ",") },
  ]

  static let queueFields: [Field<ScxDispatchQueue>] = [
    Field("id", .text("DSQ")) { .string($0.id.hex) },
    Field("origin") { .string($0.place.word) },
    .onScreen(.text("OF")) { $0.place.word + ($0.subScheduler.map { " " + $0 } ?? "") },
    Field("cpu") { JSON($0.place.cpu) },
    Field("node") { JSON($0.place.node) },
    Field("scheduler") { JSON($0.scheduler) },
    Field("cgroup") { JSON($0.cgroupPath) },
    Field("nr", .number("NR")) { JSON($0.count) },
    Field("seq", .number("SEQ")) { JSON($0.sequence) },
    Field("tasks") { .array([JSON]($0.tasks, taskFields)) },
    .onScreen(.text("TASKS")) { queue in
      queue.tasks.map { "\($0.comm)[\($0.pid)]" }.joined(separator: " ")
    },
  ]

  static let taskFields: [Field<ScxTask>] = [
    Field("pid", .number("PID")) { JSON($0.pid) },
    Field("comm", .name("COMM")) { .string($0.comm) },
    Field("cpu", .number("CPU")) { JSON($0.cpu) },
    Field("class", .text("CLASS")) { JSON($0.schedulingClass) },
    Field("state", .text("STATE")) { JSON($0.state) },
    Field("scx_flags") { .unsigned($0.flags) },
    Field("flags", .text("FLAGS")) { .array($0.flagNames.map { .string($0) }) },
    Field("ops_state", .text("OPS_STATE")) { JSON($0.opsState) },
    Field("qseq") { .unsigned($0.queueSequence) },
    Field("dsq", .text("DSQ")) { JSON($0.queueID?.hex) },
    Field("dsq_flags") { JSON($0.queueFlags) },
    Field("slice_ns", .number("SLICE")) { .unsigned($0.slice) },
    Field("dsq_vtime", .number("VTIME")) { .unsigned($0.virtualTime) },
    Field("weight", .number("WEIGHT")) { JSON($0.weight) },
    Field("sticky_cpu") { .signed(Int64($0.stickyCPU)) },
    Field("holding_cpu") { .signed(Int64($0.holdingCPU)) },
    Field("wait_jiffies") { $0.waited.map { .signed($0) } ?? .null },
    Field("wait_ms") { $0.waitedMilliseconds.map { .signed($0) } ?? .null },
    .onScreen(.number("WAIT")) { task in task.waitedMilliseconds.map { "\($0) ms" } },
  ]

  func answer(in session: Session) throws -> Answer {
    let snapshot = try session.ofThisBoot { kernel in
      let dumper = try ScxDumper(kernel)
      return try session.walk(kernel) { walk throws(ReadFault) in try dumper.dump(in: walk) }
    }
    let dump = snapshot.value
    let queues = dump.queues.filter { $0.count != 0 || !$0.tasks.isEmpty || $0.place == .user }
    let all = [
      Table(dump.cpus, Self.cpuFields), Table(queues, Self.queueFields),
      Table(dump.tasks.filter(\.isShown), Self.taskFields),
    ]
    let tables = all.filter { !$0.rows.isEmpty }
    return Answer(
      [
        "cpus": .array([JSON](dump.cpus, Self.cpuFields)),
        "dsqs": .array([JSON](dump.queues, Self.queueFields)),
        "tasks": .array([JSON](dump.tasks, Self.taskFields)),
      ],
      .sections(tables.map { .table($0) }),
      missing: snapshot.missing + dump.contradictions(snapshot))
  }
}

extension ScxDump {
  /// What does not agree with itself at one instant.
  fileprivate func contradictions(_ snapshot: Snapshot<ScxDump>) -> [String] {
    guard snapshot.unreadable.isEmpty else { return [] }
    return queues.filter { Int($0.count) != $0.tasks.count }.map { queue in
      "DSQ \(queue.id.hex) (\(queue.place.word)) counts \(queue.count) tasks, and has "
        + "\(queue.tasks.count)"
    }
  }
}

extension ScxTask {
  /// Those that are only prepared are many, and not for people.
  fileprivate var isShown: Bool { schedulingClass == "ext" || queueID != nil }
}

extension ScxDispatchQueue {
  /// The cgroup of the sub-scheduler that has it; nil for the root scheduler.
  var subScheduler: String? { cgroupPath == "/" ? nil : cgroupPath }
}

extension ScxDispatchQueue.Place {
  var word: String {
    switch self {
    case .local: "local"
    case .bypass: "bypass"
    case .reject: "reject"
    case .rescue: "rescue"
    case .global: "global"
    case .user: "user"
    }
  }

  fileprivate var cpu: Int? {
    switch self {
    case .local(let cpu), .bypass(let cpu), .reject(let cpu), .rescue(let cpu): cpu
    case .global, .user: nil
    }
  }

  fileprivate var node: Int? {
    if case .global(let node) = self { return node }
    return nil
  }
}
