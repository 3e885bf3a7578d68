import ArgumentParser
import Testing

@testable import Commands

/// `--sort`, `--limit` and `--columns` of all lists.
@Suite struct ListFormTests {
  private struct Thing: Equatable {
    var id: UInt64
    var name: String
    var cost: UInt64?
    var share: Double = 0
  }

  private static let things = [
    Thing(id: 10, name: "beta", cost: 7, share: 2.5), Thing(id: 9, name: "", cost: nil, share: 10),
    Thing(id: 2, name: "alpha", cost: .max, share: 0.5),
    Thing(id: 11, name: "alpha", cost: .max - 1, share: 9),
  ]

  private static let fields: [Field<Thing>] = [
    Field("id", .number("ID")) { .unsigned($0.id) },
    Field("name", .text("NAME")) { .string($0.name) },
    Field("cost") { JSON($0.cost) },
    .onScreen(.number("PER CENT")) { fixed($0.share, 1) },
  ]

  private func form(_ words: String...) throws -> ListForm<Thing> {
    try form(words)
  }

  private struct Options: ParsableArguments {
    @OptionGroup var order: OrderOptions
    @OptionGroup var table: ColumnOptions
  }

  private func form(_ words: [String]) throws -> ListForm<Thing> {
    let options = try Options.parse(words)
    return try ListForm(options.order, Self.fields, columns: options.table.columns)
  }

  @Test(
    arguments: [
      ([], [10, 9, 2, 11]), (["--sort", "id"], [2, 9, 10, 11]),
      (["--sort=-id"], [11, 10, 9, 2]), (["--sort", "ID"], [2, 9, 10, 11]),
      // Without a value they are last, either way; equal ones stay.
      (["--sort", "name"], [2, 11, 10, 9]), (["--sort=-name"], [10, 2, 11, 9]),
      // No digit of 64 bits is lost.
      (["--sort", "cost"], [10, 11, 2, 9]), (["--sort=-cost"], [2, 11, 10, 9]),
      // Numbers that are texts on the screen.
      (["--sort", "per_cent"], [2, 10, 11, 9]),
      (["--sort=-id", "--limit", "2"], [11, 10]), (["--limit", "100"], [10, 9, 2, 11]),
    ] as [([String], [UInt64])])
  func objectsStandInTheOrderThatWasAskedFor(words: [String], ids: [UInt64]) throws {
    let form = try form(words)
    #expect(form.arranged(Self.things).map(\.id) == ids)
  }

  @Test func columnsAreThoseThatWereAskedForInTheirOrder() throws {
    let table = try form("--columns", "cost,NAME,per_cent").table(Array(Self.things.prefix(2)))
    #expect(table.columns.map(\.heading) == ["COST", "NAME", "PER CENT"])
    #expect(table.rows == [["7", "beta", "2.5"], ["", "", "10.0"]])
  }

  @Test func jsonHasAllKeysOfTheObjectsThatAreShown() throws {
    let answer = try form("--sort=-cost", "--limit", "1", "--columns", "name").answer(Self.things)
    #expect(answer.document == [["id": .unsigned(2), "name": "alpha", "cost": .unsigned(.max)]])
    #expect(answer.screen.lines == ["NAME", "alpha"])
  }

  @Test(arguments: [["--sort", "colour"], ["--sort=-colour"], ["--columns", "id,colour"]])
  func anUnknownNameIsAnErrorThatNamesThoseThatThereAre(words: [String]) throws {
    let error = #expect(throws: UsageError.self) {
      try form(words)
    }
    #expect(error?.description == "there is no column 'colour': there are id, name, cost, per_cent")
  }

  @Test(arguments: ["--limit 0 map list", "--limit x map list", "map list --sort"])
  func wrongValuesAreUsageErrors(line: String) throws {
    let error = #expect(throws: (any Error).self) { try Root.parse(words: Words.split(line)) }
    #expect(Root.exitCode(for: try #require(error)).rawValue == Status.usage)
  }

  /// A minus begins an option, and `-run_cnt` has letters of some.
  @Test(arguments: [
    "prog list --sort -run_cnt", "prog list --sort=-run_cnt", "-j prog --sort -run_cnt",
  ])
  func aKeyMayBeginWithAMinus(line: String) throws {
    let list = try #require(try Root.parse(words: Words.split(line)) as? ProgList)
    #expect(list.order.sort == "-run_cnt")
    #expect(list.session.connect == nil)
  }

  /// Each command's own keys can be sorted by.
  @Test func keysOfAllListsAreNames() throws {
    func lists(_ command: ParsableCommand.Type) -> [any OrderedCommand.Type] {
      ((command as? any OrderedCommand.Type).map { [$0] } ?? [])
        + command.configuration.subcommands.flatMap(lists)
    }
    let all = Root.configuration.subcommands.flatMap(lists)
    #expect(all.count >= 11)
    for list in all {
      #expect(!list.keys.isEmpty)
      #expect(list.keys.allSatisfy { !$0.contains(" ") && $0 == $0.lowercased() }, "\(list.keys)")
    }
  }
}
