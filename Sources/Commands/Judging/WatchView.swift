/// The order and the filter of the watched rows, as set by keys.
struct WatchView {
  /// The column that the rows are sorted by; nil for their own order.
  private(set) var sortColumn: Int?
  private(set) var isReversed = false
  /// Rows without this text are left out.
  private(set) var filter = ""
  /// Keys are letters of the filter.
  private(set) var isTyping = false
  private(set) var isOver = false

  private enum Key {
    static let escape: UInt8 = 0x1b
    static let erase: [UInt8] = [0x7f, 0x08]
    static let enter: [UInt8] = [0x0a, 0x0d]
  }

  mutating func press(_ key: UInt8, _ columns: [Table.Column]) {
    if isTyping { return type(key) }
    switch key {
    case UInt8(ascii: "q"): isOver = true
    case UInt8(ascii: "s"):
      // The last column has no name: it is a picture.
      let named = columns.indices.filter { !columns[$0].heading.isEmpty }
      sortColumn = named.first { $0 > sortColumn ?? -1 }
    case UInt8(ascii: "r"): isReversed.toggle()
    case UInt8(ascii: "/"): (isTyping, filter) = (true, "")
    case Key.escape: filter = ""
    default: break
    }
  }

  private mutating func type(_ key: UInt8) {
    switch key {
    case Key.escape: (isTyping, filter) = (false, "")
    case _ where Key.enter.contains(key): isTyping = false
    case _ where Key.erase.contains(key): filter = String(filter.dropLast())
    case 0x20...0x7e: filter.unicodeScalars.append(Unicode.Scalar(key))
    default: break
    }
  }

  /// The rows in the order that is wanted.
  func rows(of table: Table) -> Table {
    var order = table.rows.indices.filter { isShown(table.rows[$0]) }
    if let column = sortColumn, table.columns.indices.contains(column) {
      let isNumber = table.columns[column].isNumber
      order.sort { a, b in
        let (a, b) = (table.rows[a][column], table.rows[b][column])
        // Large numbers first; a row without a number is the last.
        return isNumber ? Double(a) ?? -.infinity > Double(b) ?? -.infinity : a < b
      }
    }
    if isReversed { order.reverse() }
    var shown = table
    shown.rows = order.map { table.rows[$0] }
    shown.changedRows = Set(order.indices.filter { table.changedRows.contains(order[$0]) })
    return shown
  }

  private func isShown(_ row: [String]) -> Bool {
    filter.isEmpty || row.contains { $0.lowercased().contains(filter.lowercased()) }
  }

  /// What the keys do.
  func help(_ columns: [Table.Column]) -> String {
    if isTyping { return "filter: \(filter)_   (Enter keeps it, Esc ends it)" }
    let order = sortColumn.map { columns.indices.contains($0) ? " (\(columns[$0].heading))" : "" }
    let text = filter.isEmpty ? "" : " (\(filter))"
    return "q ends   s sorts by the next column\(order ?? "")   r reverses   / filters\(text)"
  }
}
