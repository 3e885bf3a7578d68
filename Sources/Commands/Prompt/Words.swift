/// A line of a script or of the prompt, split into words as a shell does it: blanks separate,
/// quotes and a backslash keep what they enclose, `#` at the beginning of a word ends the line.
enum Words {
  /// - Throws: `UsageError` for a quote that does not end.
  static func split(_ line: String) throws -> [String] {
    var words: [String] = []
    var word: String?
    var quote: Character?
    var isEscaped = false
    for character in line {
      if isEscaped {
        // Within double quotes a backslash keeps only what would mean something there.
        if quote == "\"", character != "\"", character != "\\" { word?.append("\\") }
        word = (word ?? "") + String(character)
        isEscaped = false
      } else if character == "\\", quote != "'" {
        isEscaped = true
      } else if character == quote {
        quote = nil
      } else if quote == nil, character == "'" || character == "\"" {
        quote = character
        word = word ?? ""
      } else if quote == nil, character.isWhitespace {
        if let ended = word { words.append(ended) }
        word = nil
      } else if quote == nil, word == nil, character == "#" {
        break
      } else {
        word = (word ?? "") + String(character)
      }
    }
    if let quote { throw UsageError("a \(quote) without its end") }
    if isEscaped { throw UsageError("a backslash at the end of the line") }
    if let word { words.append(word) }
    return words
  }
}
