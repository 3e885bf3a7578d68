/// An answer that was saved as JSON.
struct SavedAnswer {
  let path: String
  let document: JSON

  /// - Throws: a sentence with the path when it is not there, is not JSON, or is an error.
  init(path: String) throws {
    self.path = path
    let bytes = try OpenFile(path: path).rest(path)
    do { document = try JSON(decoding: bytes) } catch { throw CommandError("\(path) \(error)") }
    guard document.isCollection else {
      throw CommandError("\(path) is not an answer, but \(document.text(pretty: false))")
    }
    if case .string(let text)? = document["error"] {
      throw CommandError("\(path) has no answer, but an error: \(text)")
    }
  }

  /// The guest's answer to the same command.
  func askedAgain(in session: Session) throws -> Answer {
    guard let origin = origin else {
      throw CommandError(
        "\(path) does not show which command it is an answer to: give a second file, or the command "
          + "after --")
    }
    let options = options(of: origin)
    let answer = try session.answer(to: origin.words + options)
    let names = Set(AnswerValues(document).objects)
    guard !origin.wider.isEmpty, !names.isSubset(of: AnswerValues(answer.document).objects) else {
      return answer
    }
    return try session.answer(to: origin.words + origin.wider + options)
  }

  /// What it is an answer to; nil where it does not show that.
  var question: Question? { origin.map { Question(words: $0.words, options: options(of: $0)) } }

  /// Those that it was asked with.
  private func options(of origin: Origin) -> [String] {
    origin.options.filter { has($0.key) }.map(\.word)
  }

  /// The first command whose answers have such members.
  private var origin: Origin? { Self.origins.first { $0.keys.allSatisfy(has) } }

  private func has(_ key: String) -> Bool {
    if case .array(let elements) = document {
      elements.first?[key] != nil
    } else {
      document[key] != nil
    }
  }

  /// A command, and keys that its answers have.
  private struct Origin {
    var keys: [String]
    var words: [String]
    /// Words that have it answer for all objects, where a saved answer has others than it shows
    /// without.
    var wider: [String] = []
    /// Options and the keys that they add.
    var options: [(key: String, word: String)] = []
  }

  private static var origins: [Origin] {
    let all = ["type", "all"]
    return [
      Origin(keys: ["schema", "prog_runtime_stats"], words: ["report"]),
      Origin(keys: ["run_state", "stub"], words: ["info"]),
      Origin(keys: ["tag", "verified_insns", "run_cnt"], words: ["prog", "list"]),
      Origin(
        keys: ["cnt", "nsecs", "misses"], words: ["prog", "stats"], wider: all,
        options: [("per_cpu", "--per-cpu"), ("id", "--ids")]),
      Origin(
        keys: ["name", "verified_insns"], words: ["prog", "verifier"], wider: all,
        options: [("id", "--ids")]),
      Origin(keys: ["bytes_key", "bytes_value", "max_entries"], words: ["map", "list"]),
      Origin(keys: ["pid", "tgid", "comm", "state"], words: ["task", "list"]),
    ]
  }
}

extension Session {
  /// What a command answers.
  ///
  /// - Throws: also for words that are not a command which asks the guest.
  func answer(to words: [String]) throws -> Answer {
    guard let command = try Root.parse(words: words) as? any GuestCommand, command.asksGuest else {
      throw UsageError("'\(words.joined(separator: " "))' is not a command that asks the guest")
    }
    return try command.answer(in: self)
  }
}

extension JSON {
  var isCollection: Bool {
    switch self {
    case .array, .object: true
    default: false
    }
  }
}
