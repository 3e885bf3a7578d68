/// Rows under a heading; columns are as wide as their widest cell. An empty cell shows as `-`, so
/// that no column of a line is empty.
struct Table {
  struct Column: Sendable {
    var heading: String
    var isNumber = false
    /// The columns that are left out first when a terminal is too narrow for all of them.
    var isMinor = false
    var paint: Paint?

    static func text(_ heading: String) -> Column { Column(heading: heading) }
    static func number(_ heading: String) -> Column { Column(heading: heading, isNumber: true) }
    static func name(_ heading: String) -> Column { Column(heading: heading, paint: .name) }
    static func type(_ heading: String) -> Column { Column(heading: heading, paint: .type) }

    var minor: Column {
      var column = self
      column.isMinor = true
      return column
    }
  }

  var columns: [Column]
  var rows: [[String]]
  /// Rows that are not as they were before, by their index.
  var changedRows: Set<Int> = []

  init(_ columns: [Column], rows: [[String]] = []) {
    self.columns = columns
    self.rows = rows
  }

  var lines: [String] { drawn(.plain).lines }

  func drawn(_ style: ScreenStyle) -> DrawnLines {
    let cells = [columns.map(\.heading)] + rows.map { $0.map { $0.isEmpty ? "-" : $0.printable } }
    let natural = columns.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
    let fit = TableFit(columns, natural, style.width)
    let lines = cells.enumerated().map { row, cells in
      var line = ""
      for (place, column) in fit.shown.enumerated() {
        let cell = cells[column].cut(to: fit.widths[place])
        let padding = String(repeating: " ", count: fit.widths[place] - cell.count)
        let isLast = place == fit.shown.count - 1
        let painted = cell == "-" ? cell : style.paint(cell, paint(row, column))
        line += columns[column].isNumber ? padding + painted : isLast ? painted : painted + padding
        if !isLast { line += "  " }
      }
      while line.last == " " { line.removeLast() }
      return line
    }
    return DrawnLines(lines: lines, hidden: fit.hidden.map { columns[$0].heading })
  }

  /// - Parameter row: 0 for the headings.
  private func paint(_ row: Int, _ column: Int) -> Paint? {
    if row == 0 { return .emphasis }
    return changedRows.contains(row - 1) ? .changed : columns[column].paint
  }
}

extension String {
  /// With `…` in place of what has no room.
  fileprivate func cut(to width: Int) -> String {
    count <= width ? self : prefix(max(width - 1, 0)) + "…"
  }
}
