/// What a command found out: a value, in the two forms that it can be printed in.
public struct Answer {
  /// For people.
  public enum Screen {
    case lines([String])
    case table(Table)
    /// Names and values, a pair a line.
    case pairs([(String, String)])
  }

  /// For programs.
  public var document: JSON
  public var screen: Screen
  /// What is missing from the answer, and why; makes the exit status 2.
  public var missing: [String]
  /// What else the user should know: sentences on standard error. The answer is complete all the
  /// same.
  public var remarks: [String]

  public init(
    _ document: JSON, _ screen: Screen, missing: [String] = [], remarks: [String] = []
  ) {
    self.document = document
    self.screen = screen
    self.missing = missing
    self.remarks = remarks
  }
}

/// Rows under a heading; columns are as wide as their widest cell. An empty cell shows as `-`, so
/// that each line has as many words as there are columns.
public struct Table {
  public struct Column: Sendable {
    var heading: String
    var isNumber: Bool

    public static func text(_ heading: String) -> Column {
      Column(heading: heading, isNumber: false)
    }
    public static func number(_ heading: String) -> Column {
      Column(heading: heading, isNumber: true)
    }
  }

  public var columns: [Column]
  public var rows: [[String]]

  public init(_ columns: [Column], rows: [[String]] = []) {
    self.columns = columns
    self.rows = rows
  }

  public var lines: [String] {
    let rows = [columns.map(\.heading)] + rows.map { $0.map { $0.isEmpty ? "-" : $0.printable } }
    let widths = columns.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      var line = ""
      for (index, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[index] - cell.count)
        line += columns[index].isNumber ? padding + cell : cell + padding
        if index < row.count - 1 { line += "  " }
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }
}

extension Answer.Screen {
  var lines: [String] {
    switch self {
    case .lines(let lines): return lines.map(\.printable)
    case .table(let table): return table.lines
    case .pairs(let pairs):
      let width = pairs.map(\.0.count).max() ?? 0
      return pairs.map { name, value in
        name + String(repeating: " ", count: width - name.count) + "  " + value.printable
      }
    }
  }
}

extension String {
  /// Names come from guest memory: what a terminal would take for a command is replaced.
  var printable: String {
    // Nearly all are plain.
    if utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) { return self }
    return String(
      String.UnicodeScalarView(
        unicodeScalars.map { $0.value < 0x20 || (0x7f..<0xa0).contains($0.value) ? "\u{fffd}" : $0 }
      ))
  }
}
