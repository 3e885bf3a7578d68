import ArgumentParser

/// What the guest is asked, by a name that a budget can have: `prog_stats` for `prog stats type all`.
struct Question: Hashable {
  /// The words of the command, joined by underscores.
  let name: String
  let words: [String]

  /// - Throws: when no command that asks the guest is called so.
  init(name: String) throws {
    if let path = Self.paths(of: Root.self).first(where: { $0.joined(separator: "_") == name }) {
      self.init(words: path)
      return
    }
    // Its own words, where it takes more of them: `map lookup id 5 key 0 0 0 0`, `prog_stats type all`.
    var words = name.split(separator: " ").map(String.init)
    if let path = Self.paths(of: Root.self).first(where: {
      $0.joined(separator: "_") == words.first
    }) {
      words[..<1] = path[...]
    }
    guard words.count > 1, (try? Root.parse(words: words)) is any GuestCommand else {
      throw CommandError(
        "'\(name)' is not the name of a command that asks the guest, such as prog_stats or map_list"
      )
    }
    self.init(name: name, words: words)
  }

  private init(name: String, words: [String]) { (self.name, self.words) = (name, words) }

  /// Without a selection some commands answer of some programs only.
  init(words: [String], options: [String] = []) {
    let name = words.joined(separator: "_")
    let all = Self.selecting.contains(name) ? ["type", "all"] : []
    self.init(name: name, words: words + all + options)
  }

  static let stats = Question(words: ["prog", "stats"])
  static let verifier = Question(words: ["prog", "verifier"])
  private static let selecting: Set = ["prog_stats", "prog_verifier"]

  private static func paths(of command: any ParsableCommand.Type) -> [[String]] {
    command.configuration.subcommands.flatMap { inner -> [[String]] in
      if inner is any GuestCommand.Type { return [[inner._commandName]] }
      return paths(of: inner).map { [inner._commandName] + $0 }
    }
  }
}
