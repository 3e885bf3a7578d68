import ArgumentParser

/// guestscope(1), made from the program's own table of commands: docs/man/guestscope.1.
struct ManualPage {
  private var page = Roff()

  /// The page, in roff.
  static var text: String {
    var manual = ManualPage()
    manual.head()
    manual.options()
    manual.commands()
    manual.surroundings()
    return manual.page.text
  }

  private mutating func head() {
    let configuration = Root.configuration
    page.macro(
      "TH", "GUESTSCOPE", "1", Root.released, "guestscope \(Root.version)",
      "User Commands")
    page.macro("SH", "NAME")
    page.prose("guestscope - \(Self.shortName)")
    page.macro("SH", "SYNOPSIS")
    for (index, line) in Self.synopsis.enumerated() {
      if index > 0 { page.macro("br") }
      page.usage("guestscope " + line)
    }
    page.macro("SH", "DESCRIPTION")
    let paragraphs = configuration.discussion.paragraphs
    // What they mean has a section of its own.
    for paragraph in paragraphs where !paragraph.hasPrefix("Exit status: ") {
      page.paragraph(paragraph)
    }
  }

  private mutating func options() {
    page.macro("SH", "OPTIONS")
    page.prose("These stand before or after the command.")
    for argument in ArgumentDescription.all(of: Root.self) { page.describe(argument) }
  }

  private mutating func commands() {
    let common = Set(ArgumentDescription.all(of: Root.self).flatMap(\.words))
    for group in Root.configuration.groupedSubcommands {
      page.macro("SH", "COMMANDS: \(group.name.uppercased())")
      for command in group.subcommands { describe(command, path: [], isStandard: false, common) }
    }
  }

  /// A command that runs; of one that only has commands, those.
  private mutating func describe(
    _ command: ParsableCommand.Type, path: [String], isStandard: Bool, _ common: Set<String>
  ) {
    let configuration = command.configuration
    let name = path + [command._commandName]
    guard configuration.subcommands.isEmpty else {
      for inner in configuration.subcommands {
        describe(
          inner, path: name, isStandard: inner == configuration.defaultSubcommand, common)
      }
      return
    }
    page.macro("SS", name.joined(separator: " ").roff)
    page.usage(Self.usage(of: command))
    page.paragraph(configuration.abstract)
    var others = configuration.aliases.map { (path + [$0]).joined(separator: " ") }
    if isStandard { others.append(path.joined(separator: " ")) }
    if !others.isEmpty { page.prose("Also: \(others.joined(separator: ", ")).") }
    for paragraph in configuration.discussion.paragraphs {
      let lines = paragraph.split(separator: "\n").map(String.init)
      if lines.allSatisfy({ $0 == name.joined(separator: " ") || $0.isLine(of: name) }) {
        page.example(lines.map { "guestscope " + $0 })
      } else {
        page.paragraph(lines.joined(separator: " "))
      }
    }
    for argument in ArgumentDescription.all(of: command)
    where common.isDisjoint(with: argument.words) {
      page.describe(argument)
    }
  }

  private mutating func surroundings() {
    page.macro("SH", "EXIT STATUS")
    for (status, meaning) in Self.statuses { page.tagged(Roff.bold(status), meaning) }
    page.paragraph(Self.batchStatus)
    page.macro("SH", "ENVIRONMENT")
    for (name, meaning) in Self.environment { page.tagged(Roff.bold(name), meaning) }
    page.macro("SH", "FILES")
    for (path, meaning) in Self.files { page.tagged(Roff.italic(path), meaning) }
    page.macro("SH", "EXAMPLES")
    for (meaning, lines) in Self.examples {
      page.paragraph(meaning)
      page.example(lines)
    }
    page.macro("SH", "SEE ALSO")
    page.prose(roff: Self.related.map { Roff.bold($0) + "(\($1))" }.joined(separator: ", "))
  }

  /// How a command is used, without what all commands have.
  static func usage(of command: ParsableCommand.Type) -> String {
    "guestscope " + CommandWords.usage(of: command)
  }
}

extension Roff {
  /// A line of usage: what is typed as it stands is bold, what stands for something is italic.
  mutating func usage(_ usage: String) {
    var line = ""
    var rest = usage[...]
    while let first = rest.first {
      if first == "<", let end = rest.firstIndex(of: ">") {
        line += Self.italic(String(rest[rest.index(after: rest.startIndex)..<end]))
        rest = rest[rest.index(after: end)...]
        continue
      }
      let word = rest.prefix { $0.isLetter || $0.isNumber || "-_".contains($0) }
      line += word.isEmpty ? String(first).roff : Self.bold(String(word))
      rest = rest.dropFirst(max(1, word.count))
    }
    prose(roff: line)
  }

  mutating func describe(_ argument: ArgumentDescription) {
    let value = argument.valueName.map { " " + Self.italic($0) } ?? ""
    let names = argument.words.sorted { $0.count < $1.count }.map(Self.bold)
      .joined(separator: ", ")
    let term =
      switch argument.kind {
      case "positional": Self.italic(argument.valueName ?? "")
      case "option": names + value
      default: names
      }
    let standard = argument.defaultValue.map { " (default: \($0))" } ?? ""
    tagged(term, (argument.abstract ?? "") + standard)
  }
}

extension String {
  /// What empty lines part.
  fileprivate var paragraphs: [String] {
    split(separator: "\n\n").map(String.init)
  }

  /// Begins with the words of a command.
  fileprivate func isLine(of command: [String]) -> Bool {
    hasPrefix(command.joined(separator: " ") + " ")
  }
}
