import ArgumentParser
import FoundationEssentials

/// An option of a command, as the parser describes it.
struct OptionDescription {
  /// As a user writes it: `-t`, `--as`.
  var words: [String]
  /// What its value may be, nothing where it may be anything; nil for an option without a value.
  var values: [String]?

  /// The options that the help of a command shows.
  static func all(of command: ParsableCommand.Type) -> [OptionDescription] {
    let dump = command._dumpHelp()
    guard let tool = try? JSONDecoder().decode(Dump.self, from: Data(dump.utf8)) else { return [] }
    return (tool.command.arguments ?? []).filter(\.shouldDisplay).compactMap { argument in
      guard let names = argument.names else { return nil }
      return OptionDescription(
        words: names.map { ($0.kind == "long" ? "--" : "-") + $0.name },
        values: argument.kind == "option" ? argument.allValues ?? [] : nil)
    }
  }

  /// What is used here of the parser's `--experimental-dump-help` (its ToolInfoV0).
  private struct Dump: Decodable {
    struct Command: Decodable { var arguments: [Argument]? }
    struct Argument: Decodable {
      var kind: String
      var shouldDisplay: Bool
      var names: [Name]?
      var allValues: [String]?
    }
    struct Name: Decodable { var kind, name: String }

    var command: Command
  }
}
