import GuestScopeGuestMemory
import GuestScopeKernelStacks
import GuestScopeKernelTasks

/// What runs on each CPU, and which tasks do not get what they wait for.
struct TaskSection {
  /// A task that has waited so long is shown, in nanoseconds. The kernel itself complains after 120
  /// seconds at the earliest.
  static let limit: UInt64 = 10_000_000_000
  static let most = 20

  private let snapshot: Snapshot<TaskList?>?
  private let stacks: ReportStacks
  /// Why there is none.
  let failure: (any Error)?
  private let stuck: [KernelTask]

  /// - Parameter stacks: reads those of the CPUs, and of tasks by their pids.
  init(
    _ reading: Result<Snapshot<TaskList?>, any Error>,
    stacks: (Set<UInt64>) throws -> ReportStacks
  ) throws {
    (snapshot, failure) = (try? reading.get(), reading.failure)
    stuck = ((snapshot?.value ?? nil)?.tasks.filter { $0.isStuck(for: Self.limit) } ?? [])
      .sorted { ($0.idle ?? 0) > ($1.idle ?? 0) }
    self.stacks =
      snapshot?.value == nil
      ? ReportStacks() : try stacks(Set(stuck.prefix(Self.most).map { UInt64($0.pid) }))
  }

  private var list: TaskList? { snapshot?.value ?? nil }
  /// Where the kernel does not show its run queues, registers of the CPUs may lead to what runs.
  private var running: [RunningTask]? {
    if let running = list?.running { return running }
    let running = stacks.cpus.compactMap { cpu in
      cpu.pid.map { RunningTask(cpu: cpu.cpu, pid: $0, comm: cpu.comm ?? "") }
    }
    return running.isEmpty ? nil : running
  }
  var stops: Int { (list == nil ? 0 : snapshot?.stops ?? 0) + stacks.stops }
  var missing: [String] { (snapshot?.missing ?? []) + stacks.unreadable.missing }
  var unreadable: [UnreadableObject] { (snapshot?.unreadable ?? []) + stacks.unreadable }
  /// Parts that could not be read at all.
  var failures: [(part: String, reason: String)] {
    [("tasks", failure), ("stacks", stacks.failure)].compactMap { part, error in
      error.map { (part, "\($0)") }
    }
  }

  var json: [JSON.Member] {
    [
      .init(key: "tasks", value: JSON(list?.tasks.count)),
      .init(
        key: "running",
        value: running.map { running in
          .array(
            running.map { task in
              let cpu = stacks.cpu(of: task)
              return .object(
                [
                  .init(key: "cpu", value: JSON(task.cpu)),
                  .init(key: "pid", value: JSON(task.pid)),
                  .init(key: "comm", value: .string(task.comm)),
                  .init(key: "mode", value: JSON(cpu?.mode.rawValue)),
                ] + (cpu?.stack.json ?? []))
            })
        } ?? .null),
      .init(
        key: "stuck_tasks",
        value: list == nil
          ? .null
          : .array(
            stuck.map { task in
              guard case .object(let members) = JSON(task, TaskListCommand.fields) else {
                return .null
              }
              return .object(members + (stacks.tasks[task.pid]?.json ?? []))
            })),
    ]
  }

  var lines: [String] {
    guard let list else { return failure == nil ? ["tasks: this kernel does not show them"] : [] }
    let running = (self.running ?? []).flatMap { task in
      let cpu = stacks.cpu(of: task)
      return [
        "CPU \(task.cpu): " + (task.pid == 0 ? "idle" : "\(task.comm) (pid \(task.pid))")
          + (cpu?.mode == .user ? ", in user mode" : "")
      ] + (cpu?.linesToShow ?? [])
    }
    let lines = stuck.prefix(Self.most).flatMap { task in
      [
        "stuck: \(task.name) (pid \(task.pid)) in \(task.state) for "
          + "\((task.idle ?? 0).logSeconds.dropLast(5)) s"
          + (task.state.letter == "R" ? ", waits for CPU \(task.cpu.map { "\($0)" } ?? "-")" : "")
      ] + (stacks.tasks[task.pid]?.lines ?? [])
    }
    let rest = stuck.count - Self.most
    return running + lines + (rest > 0 ? ["stuck: \(rest) more; see task list --stuck"] : [])
      + ["tasks: \(list.tasks.count)" + (stuck.isEmpty ? ", none stuck for 10 s" : "")]
  }
}
