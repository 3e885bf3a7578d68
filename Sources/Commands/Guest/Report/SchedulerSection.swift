import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeKernelScheduler
import GuestScopeLinuxKernel

/// sched_ext in a report: which scheduler is in charge, with its variables, and why others left.
struct SchedulerSection {
  /// Nil for a kernel without sched_ext.
  private let reading: SchedulerReading?
  private let names: SymbolNames?
  /// Why there is none.
  let failure: (any Error)?

  /// Lines of variables on a screen.
  private static let mostLines = 40
  /// Schedulers that left, each of which is a line on a screen.
  private static let mostExits = 5

  init(_ reading: Result<SchedulerReading?, any Error>, _ names: SymbolNames?) {
    (self.reading, self.names) = ((try? reading.get()) ?? nil, names)
    failure = reading.failure
  }

  var stops: Int { reading?.stops ?? 0 }
  var missing: [String] { reading?.missing ?? [] }
  var unreadable: [UnreadableObject] { reading?.unreadable ?? [] }

  var json: [JSON.Member] {
    guard let reading, let names else { return [.init(key: "scx", value: .null)] }
    let state = JSON(reading.state, ScxShow.fields)
    return [
      .init(
        key: "scx",
        value: state.adding([
          "exits": .array(reading.exits.map { $0.json(names) }),
          "globals": .array(
            reading.globals.compactMap { value in
              (try? value.content.get()).map { value.json($0) }
            }),
          "globals_left_out": .array(reading.largeGlobals.map { .string($0) }),
        ]))
    ]
  }

  var lines: [String] {
    guard let reading else { return [] }
    let state = reading.state
    let schedulers = state.schedulers.map { scheduler in
      "\(scheduler.name)"
        + (scheduler.flagNames.isEmpty ? "" : " (\(scheduler.flagNames.joined(separator: " ")))")
    }
    var head = "sched_ext: \(state.enableStateName ?? "-")"
    if !schedulers.isEmpty { head += ", " + schedulers.joined(separator: ", ") }
    if let depth = state.bypassDepth, depth != 0 { head += ", bypass depth \(depth)" }
    if state.aborting == true { head += ", aborting" }
    let exits = reading.exits.prefix(Self.mostExits).map { exit in
      "sched_ext exit: \(exit.name ?? "-"): \(exit.summary)"
        + (exit.kindName.map { ", \($0)" } ?? "") + ", from \(exit.source.text)"
    }
    let rest = reading.exits.count - Self.mostExits
    return [head] + exits + (rest > 0 ? ["sched_ext exit: \(rest) more, shown by scx exit"] : [])
  }

  /// The variables of the scheduler that is in charge.
  var variables: [String] {
    guard let reading, let names, !(reading.globals.isEmpty && reading.largeGlobals.isEmpty)
    else { return [] }
    let text = ValueText(symbol: names.text)
    let lines = reading.globals.flatMap { value in
      (try? value.content.get()).map { text.lines($0.value, name: value.variable.name) } ?? []
    }
    let rest = lines.count - Self.mostLines
    return ["scheduler's variables:"] + lines.prefix(Self.mostLines).map { "  " + $0 }
      + (rest > 0 ? ["  … \(rest) lines more: var, or report -j"] : [])
      + reading.largeGlobals.map {
        "  \($0): larger than \(SchedulerReading.largestGlobal) bytes, shown by var"
      }
  }
}

/// What is read of sched_ext for a report.
struct SchedulerReading {
  var state: ScxState
  var exits: [ScxExit]
  var globals: [GlobalValue] = []
  /// The names of those that are too large for a report.
  var largeGlobals: [String] = []
  var stops: Int
  var missing: [String]
  var unreadable: [UnreadableObject]

  /// Bytes of a variable that is in a report.
  fileprivate static let largestGlobal = 4096

  fileprivate mutating func count<T>(_ snapshot: Snapshot<T>) {
    stops += snapshot.stops
    missing += snapshot.missing
    unreadable += snapshot.unreadable
  }
}

extension Session {
  /// In stops of its own; nil for a kernel without sched_ext, which costs none.
  func readScheduler() throws -> SchedulerReading? {
    guard try kernel.hasSchedExt else { return nil }
    let snapshot = try ofThisBoot { kernel in
      try walk(kernel) { walk throws(ReadFault) in
        try walk.view.together(walk.scxState(), walk.scxOwner())
      }
    }
    let exits = try readSchedulerExits()
    var reading = SchedulerReading(
      state: snapshot.value.0, exits: exits.exits, stops: exits.stops, missing: exits.missing,
      unreadable: exits.unreadable)
    reading.count(snapshot)
    guard let owner = snapshot.value.1 else { return reading }
    let maps = try mapsOfStructOps(owner, &reading)
    // Read-only data is what the loader has set, and text.
    let isWanted: (GlobalVariable) -> Bool = { variable in
      maps.contains(variable.mapID) && !variable.section.hasPrefix(".rodata")
        && !variable.section.hasPrefix(".kconfig")
    }
    let most = SchedulerReading.largestGlobal
    let globals = try ofThisBoot { kernel in
      try bpf(of: kernel).globals { isWanted($0) && $0.size <= most ? .init() : nil }
    }
    reading.count(globals)
    reading.globals = globals.value.values
    reading.largeGlobals = globals.value.all.filter { isWanted($0) && $0.size > most }.map(\.name)
    return reading
  }

  /// A failure that is not of the connection takes nothing else of a report with it.
  func schedulerSection() throws -> SchedulerSection {
    let reading = Result { try readScheduler() }
    if let error = reading.failure as? any GuestFailure, error.isOfConnection { throw error }
    let exits = ((try? reading.get()) ?? nil)?.exits ?? []
    let names = try? symbolNames(of: exits.flatMap(\.backtrace), in: kernel)
    return SchedulerSection(reading, names)
  }

  /// The maps that the programs in a map of struct_ops use.
  private func mapsOfStructOps(
    _ map: UInt64, _ reading: inout SchedulerReading
  ) throws -> Set<UInt64> {
    let contents = try ofThisBoot { kernel in
      try bpf(of: kernel).structOpsContents(ObjectQuery(ids: [map]))
    }
    reading.count(contents)
    let ids = Set(contents.value.objects.flatMap(\.programs.keys).map(UInt64.init))
    let programs = try ofThisBoot { kernel in
      try bpf(of: kernel).programs(BPFProgramQuery(ObjectQuery(ids: ids), details: true))
    }
    reading.count(programs)
    return Set(programs.value.objects.flatMap { $0.details?.mapIDs ?? [] }.map(UInt64.init))
  }
}
