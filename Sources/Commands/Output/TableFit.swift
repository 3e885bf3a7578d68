/// Which columns of a table fit into a width, and how wide they are then.
struct TableFit {
  /// By their index, from left to right, and the width of each.
  private(set) var shown: [Int]
  private(set) var widths: [Int]
  private(set) var hidden: [Int] = []

  private static let gap = 2
  /// Texts are cut down to this before a column goes.
  private static let leastText = 12

  /// - Parameters:
  ///   - natural: what each column takes with all of its cells.
  ///   - width: what there is; nil for no bound.
  init(_ columns: [Table.Column], _ natural: [Int], _ width: Int?) {
    shown = Array(columns.indices)
    widths = natural
    guard let width, Self.total(natural) > width else { return }
    let least = zip(columns, natural).map { column, natural in
      column.isNumber ? natural : min(natural, max(column.heading.count, Self.leastText))
    }
    // The minor ones go from right to left, then the others; the first one stays.
    while shown.count > 1, Self.total(shown.map { least[$0] }) > width {
      let place = shown.lastIndex { columns[$0].isMinor && $0 != 0 } ?? shown.count - 1
      hidden.append(shown.remove(at: place))
    }
    hidden.sort()
    widths = shown.map { natural[$0] }
    cut(columns, shown.count > 1 ? shown.map { least[$0] } : [1], to: width)
  }

  /// Takes the room that is lacking from the widest texts.
  private mutating func cut(_ columns: [Table.Column], _ least: [Int], to width: Int) {
    while Self.total(widths) > width {
      let cuttable = widths.indices.filter { place in
        !columns[shown[place]].isNumber && widths[place] > least[place]
      }
      guard let widest = cuttable.max(by: { (widths[$0], $0) < (widths[$1], $1) }) else { return }
      widths[widest] -= 1
    }
  }

  private static func total(_ widths: [Int]) -> Int {
    widths.reduce(0, +) + gap * max(0, widths.count - 1)
  }
}
