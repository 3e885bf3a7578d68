/// A key of a map as a user writes it: `pid=17,cpu=2` of a structure, or one number, name or text of
/// what has no parts.
struct KeyExpression {
  /// The path is empty for the whole key.
  var parts: [(path: String, text: String)]

  /// - Parameter words: as the command line has them; commas or spaces stand between parts.
  /// - Returns: nil for what names no value, or names parts and has others without a name.
  init?(_ words: [String]) {
    let texts = words.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
    if texts.count == 1, !texts[0].isEmpty, !texts[0].contains("=") {
      parts = [("", String(texts[0]))]
      return
    }
    parts = []
    for text in texts {
      guard let equals = text.firstIndex(of: "="), equals > text.startIndex else { return nil }
      let path = text[..<equals]
      parts.append(
        (String(path.first == "." ? path.dropFirst() : path), String(text[equals...].dropFirst())))
    }
  }
}
