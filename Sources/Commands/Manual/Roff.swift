/// A manual page in the macros of man(7), which groff and mandoc read.
struct Roff {
  private(set) var text = ""
  /// The last line was that of a heading.
  private var isAtHeading = true

  /// A line of a macro. Arguments are roff already.
  mutating func macro(_ name: String, _ arguments: String...) {
    let words = arguments.map { $0.isEmpty || $0.contains(" ") ? "\"\($0)\"" : $0 }
    text += ([".\(name)"] + words).joined(separator: " ") + "\n"
    isAtHeading = name == "SH" || name == "SS"
  }

  /// A paragraph of prose, broken after each sentence and before column 80, so that a change of a
  /// word changes few lines of the page.
  mutating func prose(_ prose: String) { self.prose(roff: prose.roff) }

  /// The same of what is roff already.
  mutating func prose(roff: String) {
    var line = ""
    var endsSentence = false
    for word in roff.split(separator: " ") {
      if !line.isEmpty, endsSentence || line.count + word.count > 78 {
        self.line(line)
        line = ""
      }
      line += (line.isEmpty ? "" : " ") + word
      endsSentence = word.last == "." && !word.hasSuffix("..")
    }
    if !line.isEmpty { self.line(line) }
  }

  /// A paragraph after another one, or, where it is the first of a section, without a gap.
  mutating func paragraph(_ prose: String) {
    if !isAtHeading { macro("PP") }
    self.prose(prose)
  }

  /// Lines that stay as they are, in a constant width where there is one.
  mutating func example(_ lines: [String]) {
    macro("PP")
    macro("RS", "4")
    macro("EX")
    for line in lines { self.line(line.roff) }
    macro("EE")
    macro("RE")
  }

  /// A term, which is roff already, and what it means.
  mutating func tagged(_ term: String, _ meaning: String) {
    macro("TP")
    line(term)
    prose(meaning)
  }

  /// A line of roff. One that begins with a dot would be a macro.
  private mutating func line(_ roff: String) {
    text += (roff.hasPrefix(".") ? "\\&" : "") + roff + "\n"
    isAtHeading = false
  }

  static func bold(_ text: String) -> String { "\\fB\(text.roff)\\fP" }
  static func italic(_ text: String) -> String { "\\fI\(text.roff)\\fP" }
}

extension String {
  /// With each character standing for itself. A hyphen is the one that a shell reads, so that what is
  /// copied from the page works.
  var roff: String {
    unicodeScalars.reduce(into: "") { roff, scalar in
      switch scalar {
      case "\\": roff += "\\(rs"
      case "-": roff += "\\-"
      case "'": roff += "\\(aq"
      case "\"": roff += "\\(dq"
      case "`": roff += "\\(ga"
      case "^": roff += "\\(ha"
      case "~": roff += "\\(ti"
      case _ where !scalar.isASCII:
        let digits = String(scalar.value, radix: 16, uppercase: true)
        roff += "\\[u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "]"
      default: roff.unicodeScalars.append(scalar)
      }
    }
  }
}
