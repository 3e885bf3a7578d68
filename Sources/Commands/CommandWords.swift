import ArgumentParser

/// The words of a line and the command that they name, found without parsing the line: it may be
/// wrong, or unfinished. Errors, help and completion find a command in no other way.
struct CommandWords {
  /// `Root` where the words name no command.
  private(set) var command: ParsableCommand.Type = Root.self
  /// `help` stands before the command.
  let isHelp: Bool
  /// The words after the command, without the options that all commands have.
  private(set) var rest: ArraySlice<String>

  init(_ words: [String]) {
    rest = ((try? AnyLine.parse(Self.parseable(words)))?.words ?? [])[...]
    isHelp = rest.first == "help"
    if isHelp { rest = rest.dropFirst() }
    while let word = rest.first, let inner = command.subcommand(word) {
      command = inner
      rest = rest.dropFirst()
    }
  }

  /// A path of members may begin with an arrow, and a key to sort by with a minus: the parser would
  /// take either for an option.
  static func parseable(_ words: [String]) -> [String] {
    var result: [String] = []
    for word in words {
      if word.hasPrefix("->") {
        result.append("." + word.dropFirst(2))
      } else if word.hasPrefix("-"), result.last == "--sort" {
        result[result.count - 1] += "=" + word
      } else {
        result.append(word)
      }
    }
    return result
  }

  /// The options of the session that words open, whatever else they say; the usual ones where an
  /// option among them is wrong or unfinished.
  static func session(of words: [String]) throws -> SessionOptions {
    try (try? AnyLine.parse(parseable(words)))?.session ?? SessionOptions.parse([])
  }

  /// The form of answers that words ask for, whatever else is wrong with them; nil where they say
  /// nothing.
  static func form(of words: [String]) -> OutputForm? {
    if let line = try? AnyLine.parse(parseable(words)) {
      return line.output.form == .screen ? nil : line.output.form
    }
    // An option without a valid value, or one of the command's own in a group of letters: -jt x4.
    let words = words.prefix { $0 != "--" }
    func has(_ letter: Character, _ name: String) -> Bool {
      words.contains { word in
        let isGroup = word.first == "-" && word.dropFirst().allSatisfy(\.isLetter)
        return word == name || (isGroup && word.contains(letter))
      }
    }
    return has("p", "--pretty") ? .pretty : has("j", "--json") ? .json : nil
  }

  /// Options of all commands, from an environment variable.
  ///
  /// - Throws: `UsageError`, which names the variable, for anything else.
  static func options(inVariable name: String) throws(UsageError) -> [String] {
    do {
      let words = try Words.split(environment(name))
      let line = try AnyLine.parse(words)
      guard let stray = line.words.first ?? (line.session.batch.isEmpty ? nil : "-e and -f") else {
        return words
      }
      throw UsageError("it takes options that all commands have, and not \(stray)")
    } catch let error as UsageError {
      throw UsageError("\(name): \(error)")
    } catch {
      throw UsageError("\(name): " + Console.sentence(ofParser: AnyLine.message(for: error)))
    }
  }

  /// Refuses a word that stands where a command should and names none: the parser takes it for one
  /// argument too many. Where a word is missing, the parser would show help, as if it was asked for.
  func check() throws(UsageError) {
    let commands = command.configuration.subcommands
    if rest.isEmpty, !isHelp, !commands.isEmpty, command != Root.self,
      command.configuration.defaultSubcommand == nil
    {
      throw UsageError(
        "\(command._commandName) takes one of these: "
          + commands.map { $0._commandName }.joined(separator: ", "))
    }
    guard let word = rest.first, !word.hasPrefix("-"), !commands.isEmpty else { return }
    if word == "help" || (!isHelp && command.standardTakes(word)) { return }
    let near = nearest(to: word, among: commands.flatMap { $0.names })
    let question = near.map { ", did you mean \($0)?" } ?? ":"
    guard command != Root.self else {
      throw UsageError("there is no command '\(word)'\(question) help lists the commands")
    }
    throw UsageError(
      "\(command._commandName) has no command '\(word)'\(question) it has "
        + commands.map { $0._commandName }.joined(separator: ", "))
  }

  /// How the command is used, without the name of the program; nil where no command is named.
  var usage: String? {
    guard command != Root.self else { return nil }
    return Self.usage(of: command.configuration.defaultSubcommand ?? command)
  }

  /// The words that a command takes, without the options that nearly all commands have.
  static func usage(of command: ParsableCommand.Type) -> String {
    let usage = Root.usageString(for: command).split(separator: "\n").first ?? ""
    let start = usage.firstRange(of: "guestscope ")?.upperBound ?? usage.startIndex
    return ["json", "pretty", "wide"].reduce(String(usage[start...])) { text, option in
      text.replacing(" [--\(option)]", with: "")
    }
  }
}

/// Any line: the options of all commands are recognised wherever they stand, and the rest is kept.
private struct AnyLine: ParsableArguments {
  @OptionGroup var session: SessionOptions
  @OptionGroup var failure: FailureOptions
  @OptionGroup var output: OutputOptions
  @Argument(parsing: .allUnrecognized) var words: [String] = []
}

extension ParsableCommand {
  fileprivate static func subcommand(_ name: String) -> ParsableCommand.Type? {
    configuration.subcommands.first { $0.names.contains(name) }
  }

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
