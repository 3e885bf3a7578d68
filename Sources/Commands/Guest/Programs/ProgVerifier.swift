import ArgumentParser
import GuestScopeKernelBPF

/// `prog verifier`: what the verifier counted.
struct ProgVerifier: SelectingCommand, OrderedCommand {
  static let configuration = CommandConfiguration(
    commandName: "verifier", abstract: "The number of instructions that the verifier processed.",
    usage: "guestscope prog verifier \(SelectionArguments.usage) [--ids]",
    discussion: """
      Without a selection the programs are those of type struct_ops; type all means all.
      """)

  @OptionGroup var selected: SelectionArguments
  @OptionGroup var order: OrderOptions
  @OptionGroup var table: ColumnOptions
  @Flag(help: "Also the id and the type of each program.") var ids = false
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static let objects = ObjectKind.program
  static var keys: [String] { fields(ids: true).names() }

  func answer(in session: Session) throws -> Answer {
    let form = try ListForm(
      order, Self.fields(ids: true), usual: Self.fields(ids: ids), columns: table.columns)
    let found = try find(in: session, type: "struct_ops") { query, bpf in
      try bpf.programs(BPFProgramQuery(query))
    }
    return form.answer(
      found.objects, missing: found.snapshot.missing,
      remarks: found.emptyRemark(of: .program).map { [$0] } ?? [])
  }

  static func fields(ids: Bool = false) -> [Field<BPFProgram>] {
    [Field("name", .name("NAME")) { .string($0.name) }] + (ids ? ProgStats.identity : [])
      + [Field("verified_insns", .number("VERIFIED_INSNS")) { JSON($0.verifiedInsns) }]
  }
}
