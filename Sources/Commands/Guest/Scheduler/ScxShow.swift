import ArgumentParser
import GuestScopeGuestMemory
import GuestScopeKernelScheduler

/// `scx show`: which scheduler is in charge, and how it is.
struct ScxShow: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "The state of sched_ext and of its scheduler.",
    discussion: """
      What scx_show_state.py of the kernel prints, with the flags of the scheduler, its counters of \
      events, and its sub-schedulers where the kernel has them. Names are the kernel's own, from its \
      types. Counters are sums over all CPUs; -j has those of each CPU as well, and null where this \
      kernel does not keep a number.
      """,
    aliases: ["state"])

  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static let fields: [Field<ScxState>] = [
    Field("ops") { .string($0.schedulers.first?.name ?? "") },
    Field("enabled") { JSON($0.enabled) },
    Field("switching_all") { JSON($0.switchingAll) },
    Field("switched_all") { JSON($0.switchedAll) },
    Field("enable_state") { JSON($0.enableStateName) },
    Field("enable_state_number") { JSON($0.enableState) },
    Field("bypass_depth") { JSON($0.bypassDepth) },
    Field("aborting") { JSON($0.aborting) },
    Field("in_softlockup") { JSON($0.inSoftlockup) },
    Field("breather_depth") { JSON($0.breatherDepth) },
    Field("nr_rejected") { JSON($0.rejected) },
    Field("hotplug_seq") { JSON($0.hotplugSequence) },
    Field("enable_seq") { JSON($0.enableSequence) },
    Field("watchdog_timeout_ms") { JSON($0.watchdogMilliseconds) },
    // Of the first of them, which is the only one before 7.1.
    Field("events") { JSON($0.schedulers.first?.totals) },
    Field("schedulers") { .array([JSON]($0.schedulers, schedulerFields)) },
  ]

  static let schedulerFields: [Field<ScxScheduler>] = [
    Field("ops") { .string($0.name) },
    Field("address") { .string($0.address.rawValue.hex) },
    Field("ops_flags") { .unsigned($0.flags) },
    Field("flags") { .array($0.flagNames.map { .string($0) }) },
    Field("level") { JSON($0.level) },
    Field("cgroup") { JSON($0.cgroupPath) },
    Field("bypass_depth") { JSON($0.bypassDepth) },
    Field("aborting") { JSON($0.aborting) },
    Field("events") { JSON($0.totals) },
    Field("events_per_cpu") { scheduler in
      guard let events = scheduler.events else { return .null }
      return .array(events.map { ["cpu": JSON($0.cpu), "events": JSON($0.counters)] })
    },
  ]

  func answer(in session: Session) throws -> Answer {
    let snapshot = try session.ofThisBoot { kernel in
      try session.walk(kernel) { walk throws(ReadFault) in try walk.scxState() }
    }
    let state = snapshot.value
    return Answer(
      JSON(state, Self.fields), .pairs(state.pairs), missing: snapshot.missing,
      remarks: state.schedulers.isEmpty && snapshot.unreadable.isEmpty
        ? ["no scheduler of sched_ext is loaded; scx exit says why the last one left"] : [])
  }
}

extension JSON {
  init(_ counters: [ScxScheduler.Counter]?) {
    self =
      counters.map { counters in
        .object(counters.map { Member(key: $0.name, value: .signed($0.value)) })
      } ?? .null
  }
}

extension ScxState {
  /// For people: what is not kept is left out.
  var pairs: [(String, String)] {
    var pairs: [(String, String)] = []
    for field in ScxShow.fields where !["schedulers", "events"].contains(field.key) {
      guard let key = field.key, let value = field.value(self), value != .null else { continue }
      if key == "enable_state_number" { continue }
      pairs.append((key, value.cell.isEmpty ? "-" : value.cell))
    }
    return pairs + schedulers.flatMap { $0.pairs(isOnly: schedulers.count == 1) }
  }
}

extension ScxScheduler {
  fileprivate func pairs(isOnly: Bool) -> [(String, String)] {
    var pairs = isOnly ? [] : [("scheduler", name + (cgroupPath.map { " of \($0)" } ?? ""))]
    pairs.append(("flags", flagNames.isEmpty ? "-" : flagNames.joined(separator: " ")))
    return pairs + (totals ?? []).map { ($0.name, "\($0.value)") }
  }
}
