import GuestScopeGuestMemory
import GuestScopeKernelTasks

/// What runs on each CPU, and which tasks do not get what they wait for.
struct TaskSection {
  /// A task that has waited so long is shown, in nanoseconds. The kernel itself complains after 120
  /// seconds at the earliest.
  static let limit: UInt64 = 10_000_000_000
  static let most = 20

  private let snapshot: Snapshot<TaskList?>?
  /// Why there is none.
  let failure: (any Error)?

  init(_ reading: Result<Snapshot<TaskList?>, any Error>) {
    (snapshot, failure) = (try? reading.get(), reading.failure)
  }

  private var list: TaskList? { snapshot?.value ?? nil }
  var stops: Int { list == nil ? 0 : snapshot?.stops ?? 0 }
  var missing: [String] { snapshot?.missing ?? [] }
  var unreadable: [UnreadableObject] { snapshot?.unreadable ?? [] }

  private var stuck: [KernelTask] {
    let stuck = list?.tasks.filter { $0.isStuck(for: Self.limit) } ?? []
    return stuck.sorted { ($0.idle ?? 0) > ($1.idle ?? 0) }
  }

  var json: [JSON.Member] {
    [
      .init(key: "tasks", value: JSON(list?.tasks.count)),
      .init(
        key: "running",
        value: list?.running.map { running in
          .array(
            running.map {
              ["cpu": JSON($0.cpu), "pid": JSON($0.pid), "comm": .string($0.comm)]
            })
        } ?? .null),
      .init(
        key: "stuck_tasks",
        value: list == nil ? .null : .array([JSON](stuck, TaskListCommand.fields))),
    ]
  }

  var lines: [String] {
    guard let list else { return failure == nil ? ["tasks: this kernel does not show them"] : [] }
    let running = (list.running ?? []).map { task in
      "CPU \(task.cpu): " + (task.pid == 0 ? "idle" : "\(task.comm) (pid \(task.pid))")
    }
    let stuck = stuck
    let lines = stuck.prefix(Self.most).map { task in
      "stuck: \(task.name) (pid \(task.pid)) in \(task.state) for "
        + "\((task.idle ?? 0).logSeconds.dropLast(5)) s"
        + (task.state.letter == "R" ? ", waits for CPU \(task.cpu.map { "\($0)" } ?? "-")" : "")
    }
    let rest = stuck.count - lines.count
    return running + lines + (rest > 0 ? ["stuck: \(rest) more; see task list --stuck"] : [])
      + ["tasks: \(list.tasks.count)" + (stuck.isEmpty ? ", none stuck for 10 s" : "")]
  }
}
