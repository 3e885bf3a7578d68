import GuestScopeKernelLog
import GuestScopeKernelScheduler

extension Health {
  typealias Scheduler = (state: ScxState, dump: ScxDump)

  /// What the checks of sched_ext say where no scheduler is loaded.
  var noScheduler: String {
    if case .success(nil) = last.scheduler { return "this kernel has no sched_ext" }
    return "no scheduler of sched_ext is loaded"
  }

  /// What sched_ext is like; nil where no scheduler is loaded.
  func scheduler() throws -> Scheduler? {
    guard let both = try now(\.scheduler), !both.state.schedulers.isEmpty else { return nil }
    return both
  }

  /// The same of each sample; nil where one has none.
  func schedulers() throws -> [Scheduler]? {
    guard try scheduler() != nil else { return nil }
    try requireMotion()
    let all = try all(\.scheduler).compactMap { $0 }.filter { !$0.state.schedulers.isEmpty }
    return all.count == samples.count ? all : nil
  }
}

extension HealthCheck {
  static let scxWait = HealthCheck(
    name: "scx-wait", about: "a task of sched_ext waits for a CPU",
    limit: 50, unit: "% of its timeout"
  ) { health, limit in
    guard let (state, dump) = try health.scheduler() else {
      return Finding.kept(health.noScheduler)
    }
    guard let timeout = state.watchdogMilliseconds, timeout > 0 else {
      throw CommandError(
        "the timeout of sched_ext's watchdog cannot be read: this kernel has no symbol or member for it"
      )
    }
    var longest = 0.0
    var broken: [Finding] = []
    for cpu in dump.cpus {
      // The time of one that has just come is not set yet.
      for task in cpu.runnable
      where task.pid != cpu.current.pid
        && !task.flagNames.contains("SCX_TASK_RESET_RUNNABLE_AT")
      {
        let percent = Double(task.waitedMilliseconds ?? 0) / Double(timeout) * 100
        longest = max(longest, percent)
        guard percent > limit else { continue }
        broken.append(
          .broken(
            "\(task.comm) (pid \(task.pid))", JSON(shortest: percent.rounded()),
            "it has waited \(task.waitedMilliseconds ?? 0) ms for CPU \(cpu.cpu)"
              + (task.queueID.map { " in queue 0x\(String($0, radix: 16))" } ?? "")
              + "; the timeout is \(timeout) ms"))
      }
    }
    return broken.orKept("no task waits for that long", value: JSON(shortest: longest.rounded()))
  }

  static let scxWatchdog = HealthCheck(
    name: "scx-watchdog", about: "the watchdog of sched_ext is late",
    limit: 100, unit: "% of its timeout"
  ) { health, limit in
    guard let (state, _) = try health.scheduler() else { return Finding.kept(health.noScheduler) }
    guard let timeout = state.watchdogMilliseconds, timeout > 0,
      let age = state.watchdogAgeMilliseconds
    else {
      throw CommandError(
        "when sched_ext's watchdog ran last cannot be read: this kernel has no symbol or member for it"
      )
    }
    let percent = Double(age) / Double(timeout) * 100
    let evidence = "it ran last \(age) ms ago; the timeout is \(timeout) ms"
    guard percent > limit else {
      return Finding.kept(evidence, value: JSON(shortest: percent.rounded()))
    }
    return [.broken("", JSON(shortest: percent.rounded()), evidence)]
  }

  static let scxBypass = HealthCheck(
    name: "scx-bypass", about: "sched_ext bypasses its scheduler"
  ) { health, _ in
    guard let (state, _) = try health.scheduler() else { return Finding.kept(health.noScheduler) }
    let depths = [state.bypassDepth] + state.schedulers.map(\.bypassDepth)
    guard let depth = depths.compactMap({ $0 }).max() else {
      throw CommandError(
        "the depth of the bypass cannot be read: this kernel has no symbol or member for it")
    }
    guard depth > 0 else {
      return Finding.kept("the depth of the bypass is 0", value: .unsigned(0))
    }
    return [.broken("", JSON(depth), "the depth of the bypass is \(depth)")]
  }

  static let scxLeft = HealthCheck(
    name: "scx-left", about: "a scheduler of sched_ext was thrown out"
  ) { health, _ in
    let states = try health.all(\.scheduler).compactMap { $0?.state }
    guard let state = states.last else { return Finding.kept(health.noScheduler) }
    let sequences = Set(states.compactMap(\.enableSequence))
    guard sequences.count < 2 else {
      return [
        .broken("", .null, "another scheduler was loaded in these \(fixed(health.seconds, 1)) s")
      ]
    }
    if let scheduler = state.schedulers.first, state.enableStateName == "enabled" {
      return Finding.kept("\(scheduler.name) is loaded")
    }
    guard state.enableSequence != 0 else { return Finding.kept(health.noScheduler) }
    guard let log = try health.now(\.log) else {
      throw CommandError(
        "why the last scheduler left cannot be read: this kernel does not show its log")
    }
    let exit = log.schedulerExits.first
    // A scheduler that was unloaded on purpose has not failed: `scx_exit_reason()` of kernel/sched/ext.c.
    guard let exit, !exit.reason.hasPrefix("unregistered") else {
      return Finding.kept(exit.map { "\($0.name ?? "-"): \($0.reason)" } ?? health.noScheduler)
    }
    return [
      .broken(
        exit.name ?? "", .null,
        [exit.reason, exit.message].filter { !$0.isEmpty }
          .joined(separator: ": "))
    ]
  }

  static let scxFallback = rate(
    "scx-fallback", of: "SCX_EV_SELECT_CPU_FALLBACK", about: "the scheduler names CPUs it must not",
    limit: 200)
  static let scxKeepLast = rate(
    "scx-keep-last", of: "SCX_EV_DISPATCH_KEEP_LAST", about: "tasks run on for want of others",
    limit: 100)

  /// A counter of events that must not grow too fast.
  private static func rate(
    _ name: String, of event: String, about: String, limit: Double
  ) -> HealthCheck {
    HealthCheck(
      name: name, about: about, limit: limit, unit: "a second", isStandard: false
    ) { health, limit in
      guard let all = try health.schedulers() else { return Finding.kept(health.noScheduler) }
      let counts = all.compactMap { both in
        both.state.schedulers.first?.totals?.first { $0.name == event }?.value
      }
      guard counts.count == all.count, let first = counts.first, let last = counts.last else {
        throw CommandError("this kernel does not count \(event)")
      }
      let rate = Double(last &- first) / max(health.seconds(of: \.schedulerTime), 1e-9)
      let value = JSON(shortest: (rate * 10).rounded() / 10)
      guard rate > limit else { return Finding.kept(event, value: value) }
      return [.broken("", value, event)]
    }
  }
}
