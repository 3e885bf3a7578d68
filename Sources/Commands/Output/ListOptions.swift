import ArgumentParser

/// In which order, and how many objects of a list are shown: on the screen and in JSON.
struct OrderOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Sort by a column or a key of the JSON; -KEY puts the largest first.", valueName: "key"))
  var sort: String?
  @Option(help: ArgumentHelp("Show no more than the first of them.", valueName: "n"))
  var limit: Int?

  init() {}

  /// True where a list is to be as it always is.
  var isEmpty: Bool { sort == nil && limit == nil }

  func validate() throws {
    guard limit ?? 1 >= 1 else { throw ValidationError("--limit takes a number, from 1 on") }
  }
}

/// Which columns a table has. Not one group with those above: in a debug build the parser checks a
/// group within a group many times over.
struct ColumnOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "On the screen only these columns, by their headings or the keys of the JSON.",
      valueName: "key,key…"))
  var columns: String?
}

/// A command whose answer has these options; completion offers their values.
protocol OrderedCommand: GuestCommand {
  /// What `--sort` and `--columns` take.
  static var keys: [String] { get }
}
