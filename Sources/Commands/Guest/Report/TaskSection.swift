import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelStacks
import GuestScopeKernelTasks

/// How many tasks there are, and which do not get what they wait for.
struct TaskSection {
  /// A task that has waited so long is shown, in nanoseconds. The kernel itself complains after 120
  /// seconds at the earliest.
  static let limit: UInt64 = 10_000_000_000
  static let most = 20

  private let snapshot: Snapshot<TaskReading>?
  /// Of what runs, and of tasks that are stuck.
  let stacks: ReportStacks
  /// Why there is none.
  let failure: (any Error)?
  private let stuck: [KernelTask]

  /// - Parameters:
  ///   - isDead: the kernel has panicked, and no task gets a CPU any more.
  ///   - stacks: reads those of the CPUs, and of tasks by their pids.
  init(
    _ reading: Result<Snapshot<TaskReading>, any Error>, isDead: Bool,
    stacks: (Set<UInt64>) throws -> ReportStacks
  ) throws {
    (snapshot, failure) = (try? reading.get(), reading.failure)
    let list = snapshot?.value.list
    stuck =
      (list?.tasks.filter { task in
        task.isStuck(for: Self.limit) && !(isDead && task.state.letter == "R")
      } ?? [])
      .sorted { ($0.stuck ?? 0) > ($1.stuck ?? 0) }
    // A kernel that does not show its tasks shows no stacks either; where the tasks are damaged, those of the
    // CPUs are there all the same.
    let areShown = list != nil || failure != nil
    self.stacks =
      areShown
      ? try stacks(Set(stuck.prefix(Self.most).map { UInt64($0.pid) })) : ReportStacks()
  }

  var reading: TaskReading? { snapshot?.value }
  private var list: TaskList? { reading?.list }
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
        key: "stuck_tasks",
        value: list == nil
          ? .null
          : .array(
            stuck.map { task in
              JSON(task, TaskListCommand.fields).adding(stacks.tasks[task.pid]?.json ?? [])
            })),
    ]
  }

  /// For the top of a report, with their stacks: the longest waits, and in one line all that wait for a
  /// CPU that does nothing else.
  ///
  /// - Parameter stuckCPUs: those that do not come back to their scheduler.
  func alarms(stuckCPUs: Set<UInt32>) -> [String] {
    func waitsForStuck(_ task: KernelTask) -> Bool {
      task.state.letter == "R" && task.cpu.map(stuckCPUs.contains) == true
    }
    let others = stuck.filter { !waitsForStuck($0) }
    let lines = others.prefix(Self.most).map { task in
      "stuck: \(task.name) (pid \(task.pid)) in \(task.state) for "
        + "\((task.stuck ?? 0).tenthsOfSeconds) s"
        + (task.state.letter == "R" ? ", waits for CPU \(task.cpu.map { "\($0)" } ?? "-")" : "")
    }
    let rest = others.count - lines.count
    return lines + (rest > 0 ? ["stuck: \(rest) more; see task list --stuck"] : [])
      + waiting(stuck.filter(waitsForStuck))
  }

  private func waiting(_ tasks: [KernelTask]) -> [String] {
    guard !tasks.isEmpty else { return [] }
    let cpus = Set(tasks.compactMap(\.cpu)).sorted().map { "\($0)" }.joined(separator: ", ")
    return ["stuck: \(counted(tasks.count, "task")) in R for CPU \(cpus)"]
  }

  var lines: [String] {
    guard let list else { return failure == nil ? ["tasks: this kernel does not show them"] : [] }
    let stacks = stuck.prefix(Self.most).flatMap { task in
      self.stacks.tasks[task.pid].map { ["stack of \(task.name) (pid \(task.pid)):"] + $0.lines }
        ?? []
    }
    return ["tasks: \(list.tasks.count)" + (stuck.isEmpty ? ", none stuck for 10 s" : "")] + stacks
  }
}
