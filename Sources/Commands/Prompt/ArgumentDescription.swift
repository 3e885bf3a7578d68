import ArgumentParser
import FoundationEssentials

/// An argument, an option or a flag of a command, as the parser describes it: what is used here of its
/// `--experimental-dump-help` (ToolInfoV0).
struct ArgumentDescription: Decodable {
  struct Name: Decodable { var kind, name: String }

  /// `positional`, `option` (with a value) or `flag`.
  var kind: String
  var shouldDisplay: Bool
  var names: [Name]?
  var valueName: String?
  var defaultValue: String?
  /// What its value may be; nil where it may be anything.
  var allValues: [String]?
  /// One sentence on it.
  var abstract: String?

  /// As a user writes it: `-t`, `--as`; nothing for an argument without a name.
  var words: [String] {
    (names ?? []).map { ($0.kind == "long" ? "--" : "-") + $0.name }
  }

  /// What the help of a command shows, in its order.
  static func all(of command: ParsableCommand.Type) -> [ArgumentDescription] {
    let dump = command._dumpHelp()
    guard let tool = try? JSONDecoder().decode(Tool.self, from: Data(dump.utf8)) else { return [] }
    return (tool.command.arguments ?? []).filter(\.shouldDisplay)
  }

  private struct Tool: Decodable {
    struct Command: Decodable { var arguments: [ArgumentDescription]? }
    var command: Command
  }
}
