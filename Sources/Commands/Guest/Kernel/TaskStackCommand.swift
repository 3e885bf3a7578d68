import ArgumentParser
import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelStacks
import GuestScopeKernelTasks

/// `task stack`: the calls that tasks and CPUs are in, in the kernel.
struct TaskStackCommand: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "stack", abstract: "The kernel stack of a thread, of all, or of a CPU.",
    discussion: """
      task stack 4711
      task stack --cpu 1
      task stack --all -j

      The innermost function is first. A function with a question mark may be left from an earlier \
      call. <IRQ>, <NMI> and the like say what the stack is for that the next functions are on, and \
      <task> that it is the task's again. Functions of modules and machine code of BPF programs are \
      named, and a program's with the line of its source. --all shows the tasks that sleep, and what \
      each CPU is at.

      The stacks of many tasks are of several instants, each of one, unless the guest is stopped.
      """)

  @Argument(help: ArgumentHelp("A thread of the guest.", valueName: "pid"))
  var pid: UInt32?
  @Flag(help: "The stacks of all threads and CPUs.")
  var all = false
  @Option(
    help: ArgumentHelp("The stack of a CPU, by the kernel's number of it.", valueName: "cpu"))
  var cpu: Int?

  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  func validate() throws {
    let words = [pid != nil, all, cpu != nil].filter { $0 }.count
    guard words == 1 else {
      throw ValidationError("task stack takes a pid, --all or --cpu: task stack 1")
    }
  }

  func answer(in session: Session) throws -> Answer {
    if let cpu { return try answer(ofCPU: cpu, session) }
    let snapshot = try session.taskStacks(of: pid.map { [UInt64($0)] })
    var tasks = snapshot.value
    var missing = snapshot.missing
    // Those that run, by their CPUs' registers.
    var cpus: [CPUStack] = []
    if all || tasks.contains(where: { $0.isRunning }) {
      // One CPU that is busy has a better chance to be read than all at once.
      let reading = try session.cpuStacks(
        of: all ? nil : tasks.first?.task.cpu.map { Int($0) })
      missing += reading.unreadable.missing
      cpus = reading.stacks
    }
    if let pid {
      // The only one that was asked for.
      if tasks.isEmpty, let unreadable = snapshot.unreadable.first { throw unreadable }
      guard !tasks.isEmpty else {
        throw CommandError("the guest has no task with pid \(pid)")
      }
      for (index, task) in tasks.enumerated() where task.isRunning {
        guard let cpu = cpus.first(where: { $0.pid == task.task.pid }) else { continue }
        tasks[index].stack = cpu.stack
      }
      cpus = []
    }
    // What a CPU has shown is newer.
    tasks.removeAll { task in cpus.contains { $0.pid == task.task.pid } }
    return Answer(
      .array(cpus.map(\.document) + tasks.map(\.document)),
      .lines(cpus.flatMap(\.section) + tasks.flatMap(\.section)),
      missing: missing + cpus.compactMap(\.cut) + tasks.compactMap(\.cut))
  }

  private func answer(ofCPU cpu: Int, _ session: Session) throws -> Answer {
    let all = try session.kernel.cpuIDs
    guard (0..<all).contains(cpu) else {
      throw CommandError("the guest has no CPU \(cpu): its kernel knows \(counted(all, "CPU"))")
    }
    let reading = try session.cpuStacks(of: cpu)
    if reading.stacks.isEmpty, let unreadable = reading.unreadable.first { throw unreadable }
    guard !reading.stacks.isEmpty else {
      let count = try session.source.cpus.count
      throw CommandError(
        "no vCPU runs the kernel's CPU \(cpu): the guest has \(counted(count, "vCPU"))")
    }
    return Answer(
      .array(reading.stacks.map(\.document)), .lines(reading.stacks.flatMap(\.section)),
      missing: reading.unreadable.missing + reading.stacks.compactMap(\.cut))
  }
}

extension TaskStack {
  fileprivate var isRunning: Bool {
    if case .none = stack.end { return task.isRunning != false && stack.frames.isEmpty }
    return false
  }

  fileprivate var document: JSON {
    .object(
      [
        .init(key: "cpu", value: JSON(task.cpu)), .init(key: "mode", value: "kernel"),
        .init(key: "pid", value: JSON(task.pid)), .init(key: "comm", value: .string(task.comm)),
        .init(key: "name", value: .string(task.name)),
        .init(key: "state", value: .string("\(task.state)")),
      ] + stack.json)
  }

  fileprivate var section: [String] {
    ["\(task.name) (pid \(task.pid)) in \(task.state)" + (stack.unlessCut.map { ": \($0)" } ?? "")]
      + stack.lines
  }

  fileprivate var cut: String? { stack.cut.map { "the stack of task \(task.pid): \($0)" } }
}

extension CPUStack {
  fileprivate var document: JSON {
    .object(
      [
        .init(key: "cpu", value: JSON(cpu)), .init(key: "mode", value: .string(mode.rawValue)),
        .init(key: "pid", value: JSON(pid)), .init(key: "comm", value: JSON(comm)),
        .init(key: "name", value: JSON(comm)), .init(key: "state", value: .null),
      ] + stack.json)
  }

  /// `CPU 0: idle`
  var heading: String {
    let task = pid == 0 ? "idle" : comm.map { "\($0) (pid \(pid ?? 0))" }
    return (["CPU \(cpu): " + (task ?? "a task that is not known")] + [stack.unlessCut])
      .compactMap { $0 }.joined(separator: ", ")
  }

  fileprivate var section: [String] { [heading] + stack.lines }

  fileprivate var cut: String? { stack.cut.map { "the stack of CPU \(cpu): \($0)" } }
}

extension KernelStack {
  fileprivate var unlessCut: String? {
    if case .none(let reason) = end { reason } else { nil }
  }

  fileprivate var cut: String? { if case .cut(let reason) = end { reason } else { nil } }
}
