import ArgumentParser
import GuestScopeGuestMemory
import GuestScopeKernelLog
import GuestScopeKernelScheduler
import GuestScopeLinuxKernel

/// `scx exit`: why a scheduler left.
struct ScxExitCommand: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "exit", abstract: "Why a scheduler of sched_ext left, or was thrown out.",
    discussion: """
      source says where that is from: exit_info is the kernel's own, while the scheduler leaves; \
      struct_ops_map the same, by way of its map, as long as its loader holds that; variable is a \
      user_exit_info that the scheduler has kept; kernel_log is what the kernel has logged. The same \
      exit from several sources is shown once, from the first of them. From one source the newest \
      exit comes first.
      """)

  @Flag(help: "Without the kernel's debug dump, which may be long.")
  var noDump = false
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  func answer(in session: Session) throws -> Answer {
    let found = try session.readSchedulerExits()
    let exits = found.exits.map { exit in
      var exit = exit
      if noDump { exit.dump = nil }
      return exit
    }
    let names = session.symbolNames(of: exits.flatMap(\.backtrace), in: try session.kernel)
    let lines = exits.map { $0.lines(names) }
    return Answer(
      .array(exits.map { $0.json(names) }),
      .lines(Array(lines.joined(separator: [""]))), missing: found.missing,
      remarks: found.remarks)
  }
}

/// What was found of schedulers that have left.
struct SchedulerExits {
  /// From one source the newest first.
  var exits: [ScxExit]
  /// The scheduler that is in charge now.
  var current: String?
  var missing: [String]
  var unreadable: [UnreadableObject]
  var stops: Int

  fileprivate var remarks: [String] {
    if exits.isEmpty, missing.isEmpty {
      return ["no scheduler of sched_ext has left, as far as the guest still knows"]
    }
    return current.map { ["the scheduler \($0) is loaded now"] } ?? []
  }
}

extension Session {
  /// Looks in all places, the surest first.
  func readSchedulerExits() throws -> SchedulerExits {
    let snapshot = try ofThisBoot { kernel in
      try walk(kernel) { walk throws(ReadFault) in
        // Why it left is in other places, too, where the log is damaged or not shown.
        try walk.view.together(
          walk.scxExits(), walk.scxState().schedulers.first?.name,
          walk.ifReadable { () throws(ReadFault) in
            try walk.ifKnown(walk.kernelLog())?.schedulerExits ?? []
          })
      }
    }
    let variables = try ofThisBoot { kernel in try bpf(of: kernel).scxExitVariables() }
    var exits = snapshot.value.0
    exits.add(variables.value)
    exits.add(snapshot.value.2.value ?? [])
    return SchedulerExits(
      exits: exits, current: snapshot.value.1,
      missing: snapshot.missing + variables.missing
        + (snapshot.value.2.cause.map { ["the kernel log: \($0)"] } ?? []),
      unreadable: snapshot.unreadable + variables.unreadable,
      stops: snapshot.stops + variables.stops)
  }
}

extension Walk {
  /// What a read gives, or why it cannot.
  fileprivate func ifReadable<T>(
    _ read: () throws(ReadFault) -> T
  ) throws(ReadFault) -> (value: T?, cause: Unreadable?) {
    do throws(ReadFault) { return (try read(), nil) } catch .unreadable(let cause) {
      return (nil, cause)
    }
  }
}
