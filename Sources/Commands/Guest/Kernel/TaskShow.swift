import ArgumentParser
import GuestScopeGuestMemory
import GuestScopeKernelTasks
import GuestScopeLinuxKernel

/// `task show`: one thread, with more than a list has of it.
struct TaskShow: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "A thread, with its cgroup, priority and run time.",
    discussion: """
      task show 1
      task show 4711 -j

      The number is that of the root pid namespace. prio is the kernel's: 0 to 99 for real time, the \
      most urgent first, and 100 to 139 for nice -20 to 19.
      """)

  @Argument(help: ArgumentHelp("A thread of the guest.", valueName: "pid"))
  var pid: UInt32
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static let fields: [Field<TaskDetails>] = [
    Field("prio") { JSON($0.priority) },
    Field("policy") { JSON($0.policy) },
    Field("runtime_ns") { .unsigned($0.runtime) },
    Field("voluntary_switches") { .unsigned($0.voluntarySwitches) },
    Field("involuntary_switches") { .unsigned($0.involuntarySwitches) },
  ]

  func answer(in session: Session) throws -> Answer {
    let snapshot = try session.ofThisBoot { kernel in
      let tasks = try KernelTasks(kernel)
      return try session.walk(kernel) { walk throws(ReadFault) in
        try tasks.details(of: pid, in: walk)
      }
    }
    guard let details = snapshot.value else {
      throw CommandError(
        snapshot.unreadable.isEmpty
          ? "the guest has no task with pid \(pid)"
          : "cannot read the task with pid \(pid): \(snapshot.missing.joined(separator: "; "))")
    }
    guard case .object(let members) = JSON(details.task, TaskListCommand.fields),
      case .object(let more) = JSON(details, Self.fields)
    else { return Answer(.null, .lines([])) }
    return Answer(
      .object(members + more), .pairs((members + more).map { ($0.key, $0.value.cell) }),
      missing: snapshot.missing)
  }
}
