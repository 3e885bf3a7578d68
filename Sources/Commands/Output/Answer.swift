/// What a command found out: a value, in the two forms that it can be printed in.
struct Answer {
  /// For people.
  enum Screen {
    case lines([String])
    case table(Table)
    /// Names and values, a pair a line.
    case pairs([(String, String)])
    /// With empty lines between.
    case sections([Screen])
  }

  /// For programs.
  var document: JSON
  var screen: Screen
  var notes: Notes

  /// Sentences that go to standard error, whatever the form of the answer.
  struct Notes {
    /// What is missing from the answer, and why; makes the exit status 2.
    var missing: [String] = []
    /// What else the user should know. The answer is complete all the same.
    var remarks: [String] = []
    /// The exit status of an answer that lacks nothing.
    var status = Status.answered
  }

  init(
    _ document: JSON, _ screen: Screen, missing: [String] = [], remarks: [String] = []
  ) {
    self.document = document
    self.screen = screen
    notes = Notes(missing: missing, remarks: remarks)
  }
}

extension Answer.Screen {
  var lines: [String] { drawn(.plain).lines }

  func drawn(_ style: ScreenStyle) -> DrawnLines {
    switch self {
    case .lines(let lines): return DrawnLines(lines: lines.map(\.printable))
    case .table(let table): return table.drawn(style)
    case .pairs(let pairs):
      let width = pairs.map(\.0.count).max() ?? 0
      return DrawnLines(
        lines: pairs.map { name, value in
          style.paint(name, .name) + String(repeating: " ", count: width - name.count) + "  "
            + value.printable
        })
    case .sections(let screens):
      let drawn = screens.map { $0.drawn(style) }
      return DrawnLines(
        lines: Array(drawn.map(\.lines).joined(separator: [""])), hidden: drawn.flatMap(\.hidden))
    }
  }
}
