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
    let stuck = (running ?? []).compactMap { task in list.stuckTime(of: task).map { (task, $0) } }
    return stuck.filter { wait(of: $0.0) == nil } + stuck.filter { wait(of: $0.0) != nil }
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
    let execution = reading?.executions[task.cpu]
    let stack = stacks.cpu(of: task)
    let document: JSON = [
      "cpu": JSON(task.cpu), "pid": JSON(task.pid), "comm": .string(task.comm),
      "instruction_pointer": JSON(execution?.instruction.hex), "at": JSON(place(task)),
      "interrupts": JSON(execution?.takesInterrupts),
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
    let name = task.pid == 0 ? "idle" : "\(task.comm) (pid \(task.pid))"
    let interrupts = reading?.executions[task.cpu]?.takesInterrupts == false
    return name + (place(task).map { " in \($0)" } ?? "") + (wait(of: task).map { ", " + $0 } ?? "")
      + (interrupts ? ", interrupts are off" : "")
  }

  /// What a CPU waits for by turning in circles; nil where its place does not say so.
  private func wait(of task: RunningTask) -> String? {
    guard let place = place(task) else { return nil }
    // kernel/locking/qspinlock.c, which x86-64 calls native_… and __pv_….
    if place.contains("spin_lock_slowpath") { return "waits for a spinlock" }
    // kernel/smp.c
    return place.hasPrefix("smp_call_function") ? "waits for another CPU to answer" : nil
  }

  private func place(_ task: RunningTask) -> String? {
    reading.flatMap { reading in
      reading.executions[task.cpu].flatMap { reading.names.text($0.instruction) }
    }
  }
}

extension UInt64 {
  /// Nanoseconds in seconds, with a digit after the point.
  var tenthsOfSeconds: Substring { logSeconds.dropLast(5) }
}
