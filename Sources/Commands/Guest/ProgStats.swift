import ArgumentParser
import GuestScopeKernelBPF

/// `prog stats`: how often each program ran, and at what cost.
struct ProgStats: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Runs, nanoseconds and misses of each program.",
    usage: "guestscope prog stats [type <type>] [--per-cpu]",
    discussion: """
      The kernel counts runs and nanoseconds only while kernel.bpf_stats_enabled is 1 in the guest; \
      misses it counts always.
      """)

  @Argument(
    help: ArgumentHelp("type T, default struct_ops; or type all.", valueName: "selection"))
  var words: [String] = []
  @Flag(help: "Also each CPU's own numbers.") var perCpu = false
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static func nextWord(after words: [String]) -> [WordKind] {
    ObjectSelection.nextWord(after: words, of: .program, keys: ["type"])
  }

  func validate() throws { _ = try selection }

  private var selection: ObjectSelection {
    get throws { try ObjectSelection(words, of: "program", keys: ["type"]) }
  }

  func answer(in session: Session) throws -> Answer {
    let selection = try selection
    let type = try selection.typeNumber(in: try session.programs.typeNames, default: "struct_ops")
    let snapshot = try session.list(BPFProgramQuery(type: type, runtime: true))
    try selection.admit(snapshot.value.programs, unreadable: snapshot.unreadable)
    var rows: [JSON] = []
    var lines: [String] = []
    for program in snapshot.value.programs {
      guard let runtime = program.runtime else { continue }
      var row = JSON.object([.init(key: "name", value: .string(program.name))] + runtime.members)
      lines.append(runtime.line(program.shownName))
      if perCpu {
        let each = program.perCPU.map { cpu, counters in
          JSON.object([.init(key: "cpu", value: JSON(cpu))] + counters.members)
        }
        row = row.adding(["per_cpu": .array(each)])
        lines += program.perCPU.map { cpu, counters in "  " + counters.line("cpu \(cpu)") }
      }
      rows.append(row)
    }
    return Answer(
      .array(rows), .lines(lines), missing: snapshot.missing(of: "program"),
      remarks: [
        snapshot.emptyRemark(type: type == nil ? nil : "struct_ops"), snapshot.countersRemark,
      ].compactMap { $0 })
  }
}

extension RunCounters {
  /// `cnt`, `nsecs`, `misses`.
  var members: [JSON.Member] {
    [
      .init(key: "cnt", value: .unsigned(cnt)), .init(key: "nsecs", value: .unsigned(nsecs)),
      .init(key: "misses", value: JSON(misses)),
    ]
  }

  /// `lab: cnt=100 nsecs=200 misses=3 ns/call=2.000 miss_rate=0.0291`.
  func line(_ name: String) -> String {
    var line = "\(name): cnt=\(cnt) nsecs=\(nsecs) misses=\(misses.map { "\($0)" } ?? "-")"
    if cnt > 0 { line += " ns/call=" + fixed(nsPerCall, 3) }
    if let misses, misses > 0 { line += " miss_rate=" + fixed(missRate, 4) }
    return line
  }
}
