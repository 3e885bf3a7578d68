import ArgumentParser
import GuestScopeKernelBPF

/// `prog verifier`: what the verifier counted.
struct ProgVerifier: SelectingCommand {
  static let configuration = CommandConfiguration(
    commandName: "verifier", abstract: "The number of instructions that the verifier processed.",
    usage: "guestscope prog verifier \(SelectionArguments.usage) [--ids]",
    discussion: """
      Without a selection the programs are those of type struct_ops; type all means all.
      """)

  @OptionGroup var selected: SelectionArguments
  @Flag(help: "Also the id and the type of each program.") var ids = false
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static let objects = ObjectKind.program

  func answer(in session: Session) throws -> Answer {
    let selection = try selection
    let programs = try session.programs
    let types = try selection.typeNumbers(in: programs.typeNames, default: "struct_ops")
    let snapshot = try session.list(BPFProgramQuery(type: types?.only, id: selection.onlyID))
    let listed = selection.matching(snapshot.value.programs, types: types)
    try selection.admit(listed, unreadable: snapshot.unreadable)
    let rows = listed.map { program in
      (program: program, type: programs.typeName(program.type))
    }
    return Answer(
      .array(
        rows.map { program, type in
          .object(
            [.init(key: "name", value: .string(program.name))]
              + (ids ? program.identity(type) : [])
              + [.init(key: "verified_insns", value: JSON(program.verifiedInstructions))])
        }),
      .table(
        Table(
          [.text("NAME")] + (ids ? [.number("ID"), .text("TYPE")] : [])
            + [.number("VERIFIED_INSNS")],
          rows: rows.map { program, type in
            [program.name] + (ids ? ["\(program.id)", type] : [])
              + [program.verifiedInstructions.map { "\($0)" } ?? "-"]
          })),
      missing: snapshot.missing(of: "program"),
      remarks: snapshot.emptyRemark(type: types == nil ? nil : "struct_ops").map { [$0] } ?? [])
  }
}
