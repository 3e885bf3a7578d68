import GuestScopeGuestMemory
import GuestScopeKernelTasks

/// How many tasks there are, and which do not get what they wait for.
struct TaskSection {
  /// A task that has waited so long is shown, in nanoseconds. The kernel itself complains after 120
  /// seconds at the earliest.
  static let limit: UInt64 = 10_000_000_000
  static let most = 20

  private let snapshot: Snapshot<TaskReading>?
  /// After a panic nobody gets a CPU any more.
  private let isDead: Bool
  /// Why there is none.
  let failure: (any Error)?

  init(_ reading: Result<Snapshot<TaskReading>, any Error>, isDead: Bool) {
    self.isDead = isDead
    (snapshot, failure) = (try? reading.get(), reading.failure)
  }

  var reading: TaskReading? { snapshot?.value }
  private var list: TaskList? { reading?.list }
  var stops: Int { list == nil ? 0 : snapshot?.stops ?? 0 }
  var missing: [String] { snapshot?.missing ?? [] }
  var unreadable: [UnreadableObject] { snapshot?.unreadable ?? [] }

  private var stuck: [KernelTask] {
    let stuck =
      list?.tasks.filter { task in
        task.isStuck(for: Self.limit) && !(isDead && task.state.letter == "R")
      } ?? []
    return stuck.sorted { ($0.idle ?? 0) > ($1.idle ?? 0) }
  }

  var json: [JSON.Member] {
    [
      .init(key: "tasks", value: JSON(list?.tasks.count)),
      .init(
        key: "stuck_tasks",
        value: list == nil ? .null : .array([JSON](stuck, TaskListCommand.fields))),
    ]
  }

  /// A line for each of the longest waits, and one for all that wait for a CPU that does nothing else.
  ///
  /// - Parameter stuckCPUs: those that do not come back to their scheduler.
  func alarms(stuckCPUs: Set<UInt32>) -> [String] {
    func waitsForStuck(_ task: KernelTask) -> Bool {
      task.state.letter == "R" && task.cpu.map(stuckCPUs.contains) == true
    }
    let others = stuck.filter { !waitsForStuck($0) }
    let lines = others.prefix(Self.most).map { task in
      "stuck: \(task.name) (pid \(task.pid)) in \(task.state) for \((task.idle ?? 0).tenthsOfSeconds) s"
        + (task.state.letter == "R" ? ", waits for CPU \(task.cpu.map { "\($0)" } ?? "-")" : "")
    }
    let rest = others.count - lines.count
    return lines + (rest > 0 ? ["stuck: \(rest) more; see task list --stuck"] : [])
      + waiting(stuck.filter(waitsForStuck))
  }

  private func waiting(_ tasks: [KernelTask]) -> [String] {
    guard !tasks.isEmpty else { return [] }
    let cpus = Set(tasks.compactMap(\.cpu)).sorted().map { "\($0)" }.joined(separator: ", ")
    return ["stuck: \(tasks.count) task\(tasks.count == 1 ? "" : "s") in R for CPU \(cpus)"]
  }

  var lines: [String] {
    guard let list else { return failure == nil ? ["tasks: this kernel does not show them"] : [] }
    return ["tasks: \(list.tasks.count)" + (stuck.isEmpty ? ", none stuck for 10 s" : "")]
  }
}
