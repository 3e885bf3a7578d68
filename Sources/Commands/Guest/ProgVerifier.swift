import ArgumentParser
import GuestScopeKernelBPF

/// `prog verifier`: what the verifier counted.
struct ProgVerifier: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "verifier", abstract: "The number of instructions that the verifier processed.",
    usage: "guestscope prog verifier [type <type>]")

  @Argument(
    help: ArgumentHelp("type T, default struct_ops; or type all.", valueName: "selection"))
  var words: [String] = []
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
    let snapshot = try session.list(BPFProgramQuery(type: type))
    let listed = snapshot.value.programs
    try selection.admit(listed, unreadable: snapshot.unreadable)
    return Answer(
      .array(
        listed.map {
          ["name": .string($0.name), "verified_insns": JSON($0.verifiedInstructions)]
        }),
      .table(
        Table(
          [.text("NAME"), .number("VERIFIED_INSNS")],
          rows: listed.map { [$0.name, $0.verifiedInstructions.map { "\($0)" } ?? "-"] })),
      missing: snapshot.missing(of: "program"),
      remarks: snapshot.emptyRemark(type: type == nil ? nil : "struct_ops").map { [$0] } ?? [])
  }
}
