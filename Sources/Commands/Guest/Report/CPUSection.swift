import GuestScopeKernelStacks
import GuestScopeKernelTasks
import GuestScopeLinuxKernel

/// What each CPU does, and which of them do not come back to their scheduler.
struct CPUSection {
  private let reading: TaskReading?
  /// After a panic CPUs stand still, and mean to.
  private let isDead: Bool
  private let stacks: ReportStacks
  /// Where the kernel does not show its run queues, registers of the CPUs may lead to what runs. Nil
  /// where nothing shows it.
  private let running: [RunningTask]?

  init(_ reading: TaskReading?, _ stacks: ReportStacks, isDead: Bool) {
    (self.reading, self.stacks, self.isDead) = (reading, stacks, isDead)
    let byRegisters = stacks.cpus.compactMap { cpu in
      cpu.pid.map { RunningTask(cpu: cpu.cpu, pid: $0, comm: cpu.comm ?? "") }
    }
    running = reading?.list?.running ?? (byRegisters.isEmpty ? nil : byRegisters)
  }

  private typealias Stuck = (task: RunningTask, time: UInt64)

  /// The causes before those that wait for them.
  private var stuck: [Stuck] {
    guard !isDead, let list = reading?.list else { return [] }
    let stuck: [Stuck] = (running ?? []).compactMap { task in
      list.stuckTime(of: task).map { (task, $0) }
    }
    return stuck.filter { place(of: $0.task).wait == nil }
      + stuck.filter { place(of: $0.task).wait != nil }
  }

  /// The CPUs that are in `alarms`.
  var stuckCPUs: Set<UInt32> { Set(stuck.map { UInt32($0.task.cpu) }) }

  var json: [JSON.Member] {
    [
      .init(
        key: "running",
        value: running.map { .array($0.map(json)) } ?? .null),
      .init(
        key: "stuck_cpus",
        value: .array(
          stuck.map { ["cpu": JSON($0.task.cpu), "stuck_ns": .unsigned($0.time)] })),
    ]
  }

  private func json(_ task: RunningTask) -> JSON {
    let (stack, place) = (stacks.cpu(of: task), place(of: task))
    let document: JSON = [
      "cpu": JSON(task.cpu), "pid": JSON(task.pid), "comm": .string(task.comm),
      "instruction_pointer": JSON(place.execution?.instruction.hex), "at": JSON(place.name),
      "interrupted": JSON(place.interrupted), "interrupts": JSON(place.execution?.takesInterrupts),
      "clock_lag_ns": .unsigned(task.clockLag), "watchdog_ns": JSON(task.watchdogAge),
      "mode": JSON(stack?.mode.rawValue),
    ]
    return document.adding(stack?.stack.json ?? [])
  }

  /// For the top of a report: what the kernel's log does not say.
  var alarms: [String] {
    stuck.map { task, time in
      "lockup: CPU \(task.cpu) has not come back to its scheduler for \(time.tenthsOfSeconds) s: "
        + what(task)
    }
  }

  var lines: [String] {
    (running ?? []).flatMap { task in
      let stack = stacks.cpu(of: task)
      // An idle CPU may well wait for interrupts with its flag off.
      return [
        "CPU \(task.cpu): " + (task.pid == 0 && !isDead ? "idle" : what(task))
          + (stack?.mode == .user ? ", in user mode" : "")
      ] + (stack?.linesToShow ?? [])
    }
  }

  private func what(_ task: RunningTask) -> String {
    let place = place(of: task)
    let parts = [
      (task.pid == 0 ? "idle" : "\(task.comm) (pid \(task.pid))")
        + (place.name.map { " in \($0)" } ?? ""),
      place.interrupted.map { "interrupting \($0)" }, place.wait,
      // In an interrupt they always are.
      place.execution?.takesInterrupts == false && place.interrupted == nil
        ? "interrupts are off" : nil,
    ]
    return parts.compactMap { $0 }.joined(separator: ", ")
  }

  /// Where a CPU is, as its stack has it, for that is what is shown besides.
  private func place(of task: RunningTask) -> CPUPlace {
    let stack = stacks.cpu(of: task)
    let execution = stack?.execution ?? reading?.executions[task.cpu]
    return CPUPlace(
      execution: execution,
      name: stack?.stack.frames.first?.function?.text
        ?? execution.flatMap { reading?.names.text($0.instruction) },
      interrupted: stack?.stack.interrupted.map { $0.function?.text ?? $0.address.hex })
  }
}

/// What a CPU executes, by its names.
private struct CPUPlace {
  var execution: VCPUExecution?
  var name: String?
  /// What the task was at before an interrupt came.
  var interrupted: String?

  /// What a CPU waits for by turning in circles; nil where its place does not say so.
  var wait: String? {
    let names = [name, interrupted].compactMap { $0 }
    // kernel/locking/qspinlock.c, which x86-64 calls native_… and __pv_….
    if names.contains(where: { $0.contains("spin_lock_slowpath") }) {
      return "waits for a spinlock"
    }
    // kernel/smp.c
    let callsOthers = names.contains { $0.hasPrefix("smp_call_function") }
    return callsOthers ? "waits for another CPU to answer" : nil
  }
}

extension UInt64 {
  /// Nanoseconds in seconds, with a digit after the point.
  var tenthsOfSeconds: Substring { logSeconds.dropLast(5) }
}
