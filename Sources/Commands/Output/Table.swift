/// Rows under a heading; columns are as wide as their widest cell. An empty cell shows as `-`, so
/// that each line has as many words as there are columns.
struct Table {
  struct Column: Sendable {
    var heading: String
    var isNumber: Bool

    static func text(_ heading: String) -> Column {
      Column(heading: heading, isNumber: false)
    }
    static func number(_ heading: String) -> Column {
      Column(heading: heading, isNumber: true)
    }
  }

  var columns: [Column]
  var rows: [[String]]

  init(_ columns: [Column], rows: [[String]] = []) {
    self.columns = columns
    self.rows = rows
  }

  var lines: [String] {
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
