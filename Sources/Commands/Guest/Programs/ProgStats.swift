import ArgumentParser
import GuestScopeKernelBPF

/// `prog stats`: how often each program ran, and at what cost.
struct ProgStats: SelectingCommand, OrderedCommand {
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
  @OptionGroup var order: OrderOptions
  @Flag(help: "In JSON also the id and the type of each program.")
  var ids = false
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static let objects = ObjectKind.program
  static var keys: [String] { fields(ids: true).names() }

  func answer(in session: Session) throws -> Answer {
    let form = try ListForm(order, Self.fields(ids: true))
    let found = try find(in: session, type: "struct_ops") { query, bpf in
      try bpf.programs(BPFProgramQuery(query, runtime: true))
    }
    let programs = form.arranged(found.objects)
    let lines = programs.flatMap { program in
      [program.runtimeLine.map { $0 + program.identityText }].compactMap { $0 }
        + (perCpu ? program.perCPU.map { "  " + $1.line("cpu \($0)") } : [])
    }
    return Answer(
      .array([JSON](programs, Self.fields(ids: ids, perCPU: perCpu))), .lines(lines),
      missing: found.snapshot.missing,
      remarks: [
        found.emptyRemark(of: .program), found.snapshot.value.countersRemark,
      ].compactMap { $0 })
  }

  /// - Parameters:
  ///   - ids: also the id and type of each program.
  ///   - perCPU: also each CPU's own counters.
  static func fields(ids: Bool = false, perCPU: Bool = false) -> [Field<BPFProgram>] {
    [Field("name") { .string($0.name) }] + (ids ? identity : []) + [
      Field("cnt") { JSON($0.runtime?.cnt) },
      Field("nsecs") { JSON($0.runtime?.nsecs) },
      Field("misses") { JSON($0.runtime?.misses) },
    ] + (perCPU ? [Field("per_cpu") { .array($0.perCPU.map(json)) }] : [])
  }

  /// What `--ids` adds after the name.
  static let identity: [Field<BPFProgram>] = [
    Field("id", .number("ID")) { .unsigned($0.id) },
    Field("type", .type("TYPE")) { JSON(named: $0.typeName, $0.type) },
  ]

  private static func json(_ cpu: Int, _ counters: RunCounters) -> JSON {
    [
      "cpu": JSON(cpu), "cnt": .unsigned(counters.cnt), "nsecs": .unsigned(counters.nsecs),
      "misses": JSON(counters.misses),
    ]
  }
}

extension BPFProgram {
  /// `lab: cnt=100 nsecs=200 misses=3 ns/call=2.000 miss_rate=0.0291`; nil when statistics were not
  /// asked for.
  var runtimeLine: String? { runtime?.line(shownName) }

  /// ` id=21`, with the type where it is not struct_ops.
  fileprivate var identityText: String {
    " id=\(id)" + (typeName == "struct_ops" ? "" : " type=\(shownType)")
  }
}

extension RunCounters {
  func line(_ name: String) -> String {
    var line = "\(name): cnt=\(cnt) nsecs=\(nsecs) misses=\(misses.map { "\($0)" } ?? "-")"
    if cnt > 0 { line += " ns/call=" + fixed(nsPerCall, 3) }
    if let misses, misses > 0 { line += " miss_rate=" + fixed(missRate, 4) }
    return line
  }
}
