import ArgumentParser

/// `diff`: what is different between two answers of one command.
struct DiffCommand: OrderedCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "What changed from one saved answer to another, or to the guest.",
    usage: "guestscope diff <a.json> [<b.json>] [--only-changed] [--by <key>] [--exit-status] "
      + "[-- <command> ...]",
    discussion: """
      guestscope -j prog list > before.json
      guestscope diff before.json --only-changed
      guestscope diff before.json after.json -j

      Takes answers that -j or -p has printed, of any command. Without a second file the guest is \
      asked what the first file is an answer to, which prog, map list, task list, report and info are \
      known by; any other command stands after --. Programs, maps, tasks and the like are the same in \
      both when their name and type are (those of one name in the order of their ids), or what --by \
      names: their order does not matter. Exit status 3, with --exit-status, where anything differs.
      """)

  @Argument(help: ArgumentHelp("The answer that was first.", valueName: "a.json"))
  var old: String
  @Argument(
    help: ArgumentHelp("The answer to compare with it; else the guest's.", valueName: "b.json"))
  var new: String?
  @Flag(help: "Leave out what is the same in both.") var onlyChanged = false
  @Option(
    help: ArgumentHelp("Objects are the same when they have this in common.", valueName: "key"))
  var by: String?
  @Flag(help: "Exit status 3 where anything differs.") var exitStatus = false
  @Argument(
    parsing: .postTerminator,
    help: ArgumentHelp("What to ask the guest.", valueName: "command"))
  var command: [String] = []
  @OptionGroup var order: OrderOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  func validate() throws {
    guard new == nil || command.isEmpty else {
      throw ValidationError("diff takes a second file or a command to ask the guest, not both")
    }
  }

  var asksGuest: Bool { new == nil }

  func answer(in session: Session) throws -> Answer {
    let form = try ListForm(order, Self.fields)
    let identity = by.map { AnswerValues.Identity.key($0) } ?? .name
    let before = try SavedAnswer(path: old)
    let after =
      if let new {
        Answer(try SavedAnswer(path: new).document, .lines([]))
      } else if command.isEmpty {
        try before.askedAgain(in: session)
      } else {
        try session.answer(to: command)
      }
    let values = [before.document, after.document].map { AnswerValues($0, by: identity) }
    if let by, !values.contains(where: \.hasIdentity) {
      throw CommandError("no object of either answer has a key '\(by)', which --by names")
    }
    let comparison = Comparison(values[0], values[1])
    let most = order.limit ?? .max
    let alone = Array(comparison.alone.prefix(most))
    let rows = Array(
      form.arranged(comparison.rows.filter { $0.isChanged || !onlyChanged }).prefix(
        most - alone.count))
    let remarks = comparison.hasNothingInCommon ? ["the two have no object in common"] : []
    var answer = Answer(
      .array(alone.map(Self.json) + rows.map { JSON($0, Self.fields) }),
      rows.isEmpty && alone.isEmpty && onlyChanged ? .lines([]) : .table(table(rows, alone)),
      missing: after.notes.missing,
      remarks: after.notes.remarks + remarks
        + (onlyChanged && !comparison.isChanged ? ["nothing is different"] : []))
    if exitStatus, comparison.isChanged { answer.notes.status = Status.violation }
    return answer
  }

  static var keys: [String] { fields.names() }

  private static let fields: [Field<Comparison.Row>] = [
    Field("object", .text("OBJECT")) { .string($0.place.object) },
    Field("key", .text("KEY")) { .string($0.place.path) },
    Field("a", .text("A")) { $0.old },
    Field("b", .text("B")) { $0.new },
    Field("delta", .number("DELTA")) { $0.delta ?? .null },
    Field("percent") { $0.percent.map { .number($0) } ?? .null },
    .onScreen(.number("%")) { row in row.isChanged ? row.percent.map { fixed($0, 1) } : nil },
  ]

  private static func json(_ alone: Comparison.Alone) -> JSON {
    ["object": .string(alone.object), "only": .string(alone.isOld ? "a" : "b")]
  }

  private func table(_ rows: [Comparison.Row], _ alone: [Comparison.Alone]) -> Table {
    var table = Table(rows, Self.fields)
    table.rows =
      alone.map {
        [$0.object, "", $0.isOld ? "present" : "", $0.isOld ? "" : "present", "", ""]
      }
      + table.rows
    let first = alone.count
    table.changedRows = Set(0..<first).union(
      rows.indices.filter { rows[$0].isChanged }.map { $0 + first })
    return table
  }
}
