/// Words of a line of a script or of the prompt, as a shell has them: blanks separate, quotes and a
/// backslash keep what they enclose, `#` at the beginning of a word ends the line.
struct Words {
  enum Token: Equatable {
    case word(String)
    /// `;`
    case end
    /// `|`; the shell command after it is what is left of the line.
    case pipe
    /// `>` or `>>`, only where a word could begin: `->member` is one word.
    case write(appends: Bool)
  }

  /// What was not looked at yet.
  private var rest: Substring

  init(_ line: String) { rest = line[...] }

  /// All words of a line; a token between them counts for nothing.
  ///
  /// - Throws: `UsageError` for a quote that does not end.
  static func split(_ line: String) throws -> [String] {
    var words = Words(line)
    var all: [String] = []
    while let token = try words.next() { if case .word(let word) = token { all.append(word) } }
    return all
  }

  /// The next token; nil at the end of the line.
  ///
  /// - Throws: `UsageError` for a quote that does not end.
  mutating func next() throws(UsageError) -> Token? {
    skipBlanks()
    switch rest.first {
    case nil, "#": return nil
    case ";":
      rest.removeFirst()
      return .end
    case "|":
      rest.removeFirst()
      return .pipe
    case ">":
      rest.removeFirst()
      let appends = rest.first == ">"
      if appends { rest.removeFirst() }
      return .write(appends: appends)
    default: return .word(try word())
    }
  }

  /// Takes what is left of the line as it stands; nil where it does not begin with a sign, which is
  /// not part of it.
  mutating func takeRest(after sign: String) -> String? {
    skipBlanks()
    guard rest.hasPrefix(sign) else { return nil }
    defer { rest = "" }
    return String(rest.dropFirst(sign.count))
  }

  private mutating func skipBlanks() { rest = rest.drop(while: \.isWhitespace) }

  private mutating func word() throws(UsageError) -> String {
    var word = ""
    var quote: Character?
    while let character = rest.first {
      if quote == nil, character.isWhitespace || character == ";" || character == "|" { break }
      rest.removeFirst()
      if character == "\\", quote != "'" {
        guard let kept = rest.popFirst() else {
          throw UsageError(
            quote.map { "the quote \($0) is not closed" }
              ?? "the line ends with a backslash: write \\\\ for one")
        }
        // Within double quotes a backslash keeps only what would mean something there.
        if quote == "\"", kept != "\"", kept != "\\" { word.append("\\") }
        word.append(kept)
      } else if character == quote {
        quote = nil
      } else if quote == nil, character == "'" || character == "\"" {
        quote = character
      } else {
        word.append(character)
      }
    }
    if let quote { throw UsageError("the quote \(quote) is not closed") }
    return word
  }
}
