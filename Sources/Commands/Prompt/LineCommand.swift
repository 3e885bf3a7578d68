/// One of the commands of a line, and where its answer goes.
enum LineCommand: Equatable {
  enum Destination: Equatable {
    case screen
    /// `| COMMAND`: what the shell runs reads it. The command is all that is left of the line.
    case shell(String)
    /// `> FILE` and `>> FILE`.
    case file(String, appends: Bool)
  }

  case answer([String], Destination)
  /// `!COMMAND`: nothing but the shell's. The command is all that is left of the line.
  case shell(String)

  /// Its answer goes where answers go.
  var isPlain: Bool { if case .answer(_, .screen) = self { true } else { false } }

  /// The commands of a line, with `;` between them.
  ///
  /// - Throws: `UsageError` for a line that is not whole.
  static func all(in line: String) throws(UsageError) -> [LineCommand] {
    var scanner = Words(line)
    var all: [LineCommand] = []
    var words: [String] = []
    func end(_ destination: Destination) {
      if !words.isEmpty { all.append(.answer(words, destination)) }
      words = []
    }
    while true {
      if words.isEmpty, let command = scanner.takeRest(after: "!") {
        return try all + [.shell(shellCommand("!", command))]
      }
      guard let token = try scanner.next() else { break }
      switch token {
      case .end: end(.screen)
      case .word(let word): words.append(word)
      case .pipe:
        guard !words.isEmpty else { throw UsageError("nothing before the | has an answer") }
        end(.shell(try shellCommand("|", scanner.takeRest(after: "") ?? "")))
      case .write(let appends):
        let sign = appends ? ">>" : ">"
        guard !words.isEmpty else { throw UsageError("nothing before the \(sign) has an answer") }
        guard case .word(let file)? = try scanner.next() else {
          throw UsageError("after \(sign) the name of a file is missing")
        }
        end(.file(file, appends: appends))
        guard let next = try scanner.next() else { return all }
        guard next == .end else {
          throw UsageError(
            "after '\(sign) FILE' only a ; may follow: put what belongs to a word into quotes")
        }
      }
    }
    end(.screen)
    return all
  }

  /// What the cursor stands in at the end of a line that is typed.
  enum Unfinished: Equatable {
    /// A command with these words.
    case words([String])
    /// The name of a file, or a command for the shell, in which files are named.
    case file
  }

  /// - Throws: `UsageError` for a quote that does not end.
  static func unfinished(_ line: String) throws(UsageError) -> Unfinished {
    var scanner = Words(line)
    var words: [String] = []
    while true {
      if words.isEmpty, scanner.takeRest(after: "!") != nil { return .file }
      switch try scanner.next() {
      case nil: return .words(words)
      case .end: words = []
      case .word(let word): words.append(word)
      case .pipe: return .file
      case .write: if try scanner.next() == nil { return .file }
      }
    }
  }

  private static func shellCommand(
    _ sign: String, _ text: String
  ) throws(UsageError) -> String {
    guard let first = text.firstIndex(where: { !$0.isWhitespace }) else {
      throw UsageError("after \(sign) a command for the shell is missing")
    }
    return String(text[first...])
  }
}
