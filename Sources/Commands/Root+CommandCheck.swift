import ArgumentParser

extension Root {
  /// Refuses a word that stands where a command should and is none. The parser takes it for one
  /// argument too many, and answers `help` of it with the help of everything.
  static func checkCommand(_ words: [String]) throws(UsageError) {
    var rest = behindOptions(words)
    let isHelp = rest.first == "help"
    if isHelp { rest = rest.dropFirst() }
    var command: ParsableCommand.Type = Root.self
    while let word = rest.popFirst(), !word.hasPrefix("-") {
      let commands = command.configuration.subcommands
      // What follows are a command's own arguments.
      guard !commands.isEmpty else { return }
      guard let next = commands.first(where: { $0.names.contains(word) }) else {
        if word == "help" || (!isHelp && command.standardTakes(word)) { return }
        guard command != Root.self else {
          throw UsageError("there is no command '\(word)': help lists the commands")
        }
        throw UsageError(
          "\(command._commandName) has no command '\(word)': it has "
            + commands.map { $0._commandName }.joined(separator: ", "))
      }
      command = next
    }
  }

  /// The words from the command on: options and their values stand before it.
  static func behindOptions(_ words: [String]) -> ArraySlice<String> {
    var rest = words[...]
    guard rest.first?.hasPrefix("-") == true else { return rest }
    let table = optionTable(of: Root.self)
    while let word = rest.first, word.hasPrefix("-") {
      let name = word.prefix { $0 != "=" }
      // Short ones may stand together: -jc :1
      let names = name.hasPrefix("--") ? [String(name)] : name.dropFirst().map { "-\($0)" }
      let options = names.compactMap { name in table.first { $0.names.contains(name) } }
      // Of others it is not known where their values end.
      guard !options.isEmpty, options.count == names.count else { return [] }
      let takesNext = options.last?.takesValue == true && name.count == word.count
      rest = rest.dropFirst(takesNext ? 2 : 1)
    }
    return rest
  }
}

extension ParsableCommand {
  /// True when the subcommand that need not be named takes this word first.
  fileprivate static func standardTakes(_ word: String) -> Bool {
    guard let standard = configuration.defaultSubcommand as? any CompletedCommand.Type else {
      return false
    }
    return standard.nextWord(after: []).contains { kind in
      if case .words(let words) = kind { words.contains(word) } else { false }
    }
  }
}
