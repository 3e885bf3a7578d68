import GuestScopeKernelTasks
import GuestScopeLinuxKernel

/// What each CPU does, and which of them do not come back to their scheduler.
struct CPUSection {
  private let reading: TaskReading?
  /// After a panic CPUs stand still, and mean to.
  private let isDead: Bool

  init(_ reading: TaskReading?, isDead: Bool) {
    (self.reading, self.isDead) = (reading, isDead)
  }

  private var running: [RunningTask] { reading?.list?.running ?? [] }

  private typealias Stuck = (task: RunningTask, time: UInt64)

  /// The causes before those that wait for them.
  private var stuck: [Stuck] {
    guard !isDead, let list = reading?.list else { return [] }
    let stuck = running.compactMap { task in list.stuckTime(of: task).map { (task, $0) } }
    return stuck.filter { wait(of: $0.0) == nil } + stuck.filter { wait(of: $0.0) != nil }
  }

  /// The CPUs that are in `alarms`.
  var stuckCPUs: Set<UInt32> { Set(stuck.map { UInt32($0.task.cpu) }) }

  var json: [JSON.Member] {
    [
      .init(
        key: "running",
        value: reading?.list?.running == nil ? .null : .array(running.map(json))),
      .init(
        key: "stuck_cpus",
        value: .array(
          stuck.map { ["cpu": JSON($0.task.cpu), "stuck_ns": .unsigned($0.time)] })),
    ]
  }

  private func json(_ task: RunningTask) -> JSON {
    let execution = reading?.executions[task.cpu]
    return [
      "cpu": JSON(task.cpu), "pid": JSON(task.pid), "comm": .string(task.comm),
      "instruction_pointer": JSON(execution?.instruction.hex), "at": JSON(place(task)),
      "interrupts": JSON(execution?.takesInterrupts),
      "clock_lag_ns": .unsigned(task.clockLag), "watchdog_ns": JSON(task.watchdogAge),
    ]
  }

  /// For the top of a report: what nobody has said yet.
  var alarms: [String] {
    stuck.map { task, time in
      "lockup: CPU \(task.cpu) has not come back to its scheduler for \(time.tenthsOfSeconds) s: "
        + what(task)
    }
  }

  var lines: [String] {
    // An idle CPU may well wait for interrupts with its flag off.
    running.map { "CPU \($0.cpu): " + ($0.pid == 0 && !isDead ? "idle" : what($0)) }
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
