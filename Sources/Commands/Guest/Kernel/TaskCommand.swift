import ArgumentParser
import GuestScopeGuestMemory
import GuestScopeKernelTasks

/// `task`: everything about tasks.
struct TaskCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "task", abstract: "Tasks: list, show, stack.",
    subcommands: [TaskListCommand.self, TaskShow.self, TaskStackCommand.self],
    defaultSubcommand: TaskListCommand.self)
}

/// `task list`: all threads, or those that are stuck.
struct TaskListCommand: OrderedCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "All threads, or those that are stuck.",
    discussion: """
      The state is the letter of ps: R runs or wants to, S sleeps, D sleeps and takes no signal, I is \
      an idle kernel thread, T and t are stopped, Z has ended. IDLE is how long a thread has not run, \
      STUCK how long it has waited for the CPU whose run queue it is on, or has been in D, CGROUP its place in the default hierarchy. \
      Numbers are those of the root pid namespace. A kernel without CONFIG_SCHED_INFO does not keep when \
      a thread began to want a CPU: STUCK is then IDLE.

      --stuck 10 shows only those that have wanted a CPU, or have been in D, for ten seconds.
      """)

  @Option(
    help: ArgumentHelp(
      "Only tasks that have waited for a CPU, or slept without taking signals, for this many seconds.",
      valueName: "s"))
  var stuck: Double?

  @OptionGroup var order: OrderOptions
  @OptionGroup var table: ColumnOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static let fields: [Field<KernelTask>] = [
    Field("pid", .number("PID")) { JSON($0.pid) },
    Field("tgid", .number("TGID").minor) { JSON($0.tgid) },
    Field("ppid", .number("PPID").minor) { JSON($0.parent) },
    Field("state", .text("STATE")) { .string("\($0.state)") },
    Field("cpu", .number("CPU")) { JSON($0.cpu) },
    Field("running") { JSON($0.isRunning) },
    Field("class", .text("CLASS").minor) { JSON($0.schedulingClass) },
    Field("idle_ns", .number("IDLE")) { JSON($0.idle) }.shown { timeText($0) },
    Field("stuck_ns", .number("STUCK").minor) { JSON($0.stuck) }.shown { timeText($0) },
    Field("kernel") { .bool($0.isKernelThread) },
    Field("start_ns") { .unsigned($0.start) },
    Field("cgroup", .text("CGROUP").minor) { JSON($0.cgroup) },
    Field("comm") { .string($0.comm) },
    Field("name", .name("NAME")) { .string($0.name) },
  ]

  static var keys: [String] { fields.names() }

  func validate() throws {
    guard stuck.map({ $0 >= 0 && $0 < 1e9 }) ?? true else {
      throw ValidationError("--stuck takes seconds, such as 10 or 0.5")
    }
  }

  func answer(in session: Session) throws -> Answer {
    let form = try ListForm(order, Self.fields, columns: table.columns)
    let snapshot = try session.ofThisBoot { kernel in
      let tasks = try KernelTasks(kernel)
      return try session.walk(kernel) { walk throws(ReadFault) in
        try tasks.list(cgroups: true, in: walk)
      }
    }
    var tasks = snapshot.value.tasks
    if let stuck {
      guard tasks.isEmpty || tasks.contains(where: { $0.idle != nil }) else {
        throw CommandError.noRunQueueClocks
      }
      tasks = tasks.filter { $0.isStuck(for: UInt64(stuck * 1e9)) }
    }
    let remark = stuck != nil && tasks.isEmpty ? ["no task has been stuck for that long"] : []
    return form.answer(tasks, missing: snapshot.missing, remarks: remark)
  }
}

extension KernelTask {
  /// Whether it has wanted a CPU, or has slept without taking signals, for at least `limit`
  /// nanoseconds.
  func isStuck(for limit: UInt64) -> Bool { stuck.map { $0 >= limit } ?? false }
}

extension CommandError {
  static let noRunQueueClocks = CommandError(
    "how long tasks wait cannot be read: this kernel has no symbol or type for the clocks of run queues"
  )
}
