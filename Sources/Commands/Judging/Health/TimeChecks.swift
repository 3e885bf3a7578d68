import GuestScopeBytes
import GuestScopeKernelTasks

extension Health {
  /// Ticks from each sample to the next.
  ///
  /// - Throws: for a guest that stands still, was looked at once, or was reset between two looks.
  func ticks() throws -> [UInt64] {
    try requireMotion()
    let jiffies = try all(\.tasks).map { tasks in
      guard let jiffies = tasks.jiffies else {
        throw CommandError("the ticks cannot be read: this kernel has no symbol for them")
      }
      return jiffies
    }
    return try zip(jiffies, jiffies.dropFirst()).map { before, after in
      guard after >= before else {
        throw CommandError("the guest was reset between two samples: check it again")
      }
      return after - before
    }
  }

  func requireMotion() throws {
    if let standstill { throw CommandError(standstill) }
    guard samples.count > 1 else {
      throw CommandError("one sample does not show what moves: --samples 2 takes another")
    }
  }

  /// - Throws: for a kernel that does not show its tasks.
  func taskList() throws -> TaskList {
    guard let list = try now(\.tasks).list else {
      throw CommandError("the tasks cannot be read: this kernel has no symbol or type for them")
    }
    return list
  }
}

extension HealthCheck {
  static let guestLives = HealthCheck(
    name: "guest-lives", about: "the guest's time stands still"
  ) { health, _ in
    let ticks = try health.ticks().reduce(0, +)
    // Without a tick on any CPU nothing counts them, until a timer is due.
    let isIdle = try health.all(\.tasks).allSatisfy { tasks in
      tasks.list?.running.map { !$0.isEmpty && $0.allSatisfy { $0.pid == 0 } } ?? false
    }
    let evidence = "\(ticks) ticks in \(fixed(health.seconds, 1)) s"
    guard ticks == 0, !isIdle else { return Finding.kept(evidence, value: .unsigned(ticks)) }
    return [.broken("", .unsigned(ticks), evidence)]
  }

  static let cpuStuck = HealthCheck(
    name: "cpu-stuck", about: "a CPU does not come back to its scheduler"
  ) { health, _ in
    let list = try health.taskList()
    guard let running = list.running else {
      throw CommandError(
        "the run queues cannot be read: this kernel has no symbol or type for them")
    }
    guard !running.isEmpty else { throw CommandError("no CPU has come up yet") }
    return running.compactMap { task in
      list.stuckTime(of: task).map { time in
        .broken(
          "CPU \(task.cpu)", JSON(seconds: time),
          "seconds without returning to its scheduler, in "
            + (task.pid == 0 ? "its idle task" : "\(task.comm) (pid \(task.pid))"))
      }
    }.orKept("checked " + counted(running.count, "CPU"))
  }

  static let softLockup = HealthCheck(
    name: "soft-lockup", about: "the kernel's watchdog will soon complain",
    limit: 75, unit: "% of its time"
  ) { health, limit in
    let list = try health.taskList()
    guard let threshold = list.lockupThreshold, let running = list.running else {
      throw CommandError(
        "the kernel's watchdog of soft lockups is off, or this kernel has no symbols for it")
    }
    let ages = running.compactMap { task in
      task.watchdogAge.map { (task, Double($0) / Double(2 * threshold) * 100) }
    }
    return ages.filter { $0.1 > limit }.map { task, percent in
      .broken(
        "CPU \(task.cpu)", JSON(shortest: percent.rounded()),
        "the watchdog ran last \((task.watchdogAge ?? 0).tenthsOfSeconds) s ago; "
          + "it complains after \((2 * threshold).tenthsOfSeconds) s")
    }.orKept(
      "checked " + counted(ages.count, "CPU"),
      value: JSON(shortest: ages.map { $0.1.rounded() }.max() ?? 0))
  }

  static let taskStuck = HealthCheck(
    name: "task-stuck", about: "a task waits for a CPU, or in D", limit: 10, unit: "s"
  ) { health, limit in
    let tasks = try health.taskList().tasks
    guard !tasks.isEmpty else { throw CommandError("no task could be read") }
    guard tasks.contains(where: { $0.idle != nil }) else {
      throw CommandError.noRunQueueClocks
    }
    return tasks.filter { $0.isStuck(for: UInt64(limit * 1e9)) }.map { task in
      .broken(
        "\(task.name) (pid \(task.pid))", JSON(seconds: task.stuck ?? 0),
        "seconds in \(task.state)" + (task.cpu.map { " on CPU \($0)" } ?? ""))
    }.orKept("checked " + counted(tasks.count, "task"))
  }
}

extension JSON {
  /// Nanoseconds as seconds, to a tenth.
  fileprivate init(seconds time: UInt64) {
    self.init(shortest: (Double(time) / 1e8).rounded() / 10)
  }
}
