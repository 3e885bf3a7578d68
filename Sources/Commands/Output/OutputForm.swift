/// How an answer is printed.
enum OutputForm {
  case screen
  /// On one line.
  case json
  /// Indented.
  case pretty

  /// What words ask for that could not be parsed, so that a program that expects JSON gets it all
  /// the same; nil where they say nothing.
  init?(unparsed words: [String]) {
    func has(_ letter: Character, _ name: String) -> Bool {
      words.prefix { $0 != "--" }.contains { word in
        let isShort = word.hasPrefix("-") && word.dropFirst().allSatisfy { $0.isLetter }
        return word == name || isShort && word.contains(letter)
      }
    }
    if has("p", "--pretty") {
      self = .pretty
    } else if has("j", "--json") {
      self = .json
    } else {
      return nil
    }
  }

  /// The text of a document; nil for a screen.
  func text(_ document: JSON) -> String? {
    self == .screen ? nil : document.text(pretty: self == .pretty) + "\n"
  }
}

extension OutputOptions {
  var form: OutputForm { pretty ? .pretty : json ? .json : .screen }

  /// These options, or, where they say nothing, others.
  func or(_ other: OutputOptions) -> OutputOptions { json || pretty ? self : other }
}
