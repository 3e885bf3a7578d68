import ArgumentParser

/// An option of a command, as the parser describes it.
struct OptionDescription {
  /// As a user writes it: `-t`, `--as`.
  var words: [String]
  /// What its value may be, nothing where it may be anything; nil for an option without a value.
  var values: [String]?

  /// The options that the help of a command shows.
  static func all(of command: ParsableCommand.Type) -> [OptionDescription] {
    ArgumentDescription.all(of: command).filter { $0.names != nil }.map { argument in
      OptionDescription(
        words: argument.words, values: argument.kind == "option" ? argument.allValues ?? [] : nil)
    }
  }
}
