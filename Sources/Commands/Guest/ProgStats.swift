import ArgumentParser
import GuestScopeKernelBPF

/// `prog stats`: how often each program ran, and at what cost.
struct ProgStats: SelectingCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Runs, nanoseconds and misses of each program.",
    usage: "guestscope prog stats \(SelectionArguments.usage) [--per-cpu] [--ids]",
    discussion: """
      The kernel counts runs and nanoseconds only while kernel.bpf_stats_enabled is 1 in the guest; \
      misses it counts always. Without a selection the programs are those of type struct_ops; type \
      all means all.
      """)

  @OptionGroup var selected: SelectionArguments
  @Flag(help: "Also each CPU's own numbers.") var perCpu = false
  @Flag(help: "In JSON also the id and the type of each program.")
  var ids = false
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static let objects = ObjectKind.program

  func answer(in session: Session) throws -> Answer {
    let selection = try selection
    let programs = try session.programs
    let types = try selection.typeNumbers(in: programs.typeNames, default: "struct_ops")
    let snapshot = try session.list(
      BPFProgramQuery(type: types?.only, id: selection.onlyID, runtime: true))
    let listed = selection.matching(snapshot.value.programs, types: types)
    try selection.admit(listed, unreadable: snapshot.unreadable)
    var rows: [JSON] = []
    var lines: [String] = []
    for program in listed {
      guard let runtime = program.runtime else { continue }
      let type = programs.typeName(program.type)
      var row = JSON.object(
        [.init(key: "name", value: .string(program.name))]
          + (ids ? program.identity(type) : []) + runtime.members)
      lines.append(
        runtime.line(program.shownName) + " id=\(program.id)"
          + (type == "struct_ops" ? "" : " type=\(type)"))
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
        snapshot.emptyRemark(type: types == nil ? nil : "struct_ops"), snapshot.countersRemark,
      ].compactMap { $0 })
  }
}

extension BPFProgram {
  /// `id` and `type`, which `--ids` adds after `name`.
  ///
  /// - Parameter type: the name of its type.
  func identity(_ type: String) -> [JSON.Member] {
    [.init(key: "id", value: .unsigned(id)), .init(key: "type", value: .string(type))]
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
