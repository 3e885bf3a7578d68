/// How an answer is printed.
enum OutputForm {
  case screen
  /// On one line.
  case json
  /// Indented.
  case pretty

  /// The text of a document; nil for a screen.
  func text(_ document: JSON) -> String? {
    self == .screen ? nil : document.text(pretty: self == .pretty) + "\n"
  }
}

extension OutputOptions {
  var form: OutputForm { pretty ? .pretty : json ? .json : .screen }

  /// These options, or, where they say nothing, others.
  func or(_ other: OutputOptions) -> OutputOptions {
    var options = json || pretty ? self : other
    options.wide = wide || other.wide
    return options
  }
}
