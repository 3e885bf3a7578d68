import GuestScopeBytes

/// What a sample has to show.
struct WatchRows {
  var table: Table
  /// What is said below the rows, or in place of the table.
  var note: String?
  /// There are no rows to come either: only the note is shown.
  var hidesTable = false

  /// - Parameter style: rows that have changed since the sample before have the colour of such.
  func lines(_ view: WatchView = WatchView(), _ style: ScreenStyle = .plain) -> [String] {
    let shown = view.rows(of: table)
    return (hidesTable ? [] : shown.drawn(style).lines) + (note.map { [$0] } ?? [])
  }
}

/// What `watch` shows to people: who changes how fast.
final class WatchTable {
  enum Kind {
    /// All numbers that change.
    case everything
    /// A program a row.
    case programs
  }

  private let kind: Kind
  /// The last rates of each row.
  private var past: [AnswerValues.Place: [Double]] = [:]
  /// Rows that have changed since the beginning: they stay where they are.
  private var moving: Set<AnswerValues.Place> = []

  private static let pastCount = 16

  /// What it remembers does not grow while programs come and go.
  var rowsKept: Int { max(past.count, moving.count) }

  init(_ kind: Kind) { self.kind = kind }

  /// Takes a sample in.
  ///
  /// - Parameter gone: names of those that the sample before had and this one has not.
  func rows(_ objects: [WatchedObject], gone: [String] = [], isFirst: Bool) -> WatchRows {
    let table = kind == .programs ? programs(objects) : everything(objects)
    // Those that are gone are forgotten.
    let names = Set(objects.map(\.name))
    past = past.filter { names.contains($0.key.object) }
    moving = moving.filter { names.contains($0.object) }
    if isFirst {
      return WatchRows(
        table: table, note: "(rates follow with the second sample)", hidesTable: true)
    }
    let still = kind == .programs ? objects.count - table.rows.count : 0
    let notes = [
      still == 0 ? nil : "(\(counted(still, "program")) did not run)",
      gone.isEmpty ? nil : "(gone: \(gone.joined(separator: ", ")))",
    ].compactMap { $0 }
    let rest = notes.isEmpty ? nil : notes.joined(separator: " ")
    guard !table.rows.isEmpty || rest != nil else {
      return WatchRows(table: table, note: "(nothing changes)", hidesTable: true)
    }
    return WatchRows(table: table, note: rest)
  }

  private func everything(_ objects: [WatchedObject]) -> Table {
    var table = Table([
      .text("OBJECT"), .text("KEY"), .number("VALUE"), .number("PER SECOND"), .text(""),
    ])
    for object in objects {
      for (path, value) in object.values {
        guard let rate = object.rates[path] else { continue }
        let place = AnswerValues.Place(object: object.name, path: path)
        if rate != 0 { moving.insert(place) }
        guard moving.contains(place) else { continue }
        if rate != 0 { table.changedRows.insert(table.rows.count) }
        table.rows.append([
          object.name, path, value.cell, fixed(rate, 1), spark(rate, place),
        ])
      }
    }
    return table
  }

  private func programs(_ objects: [WatchedObject]) -> Table {
    var table = Table([
      .text("PROGRAM"), .number("CALLS/S"), .number("NS/CALL"), .number("CPU%"),
      .number("MISSES/S"),
      .text(""),
    ])
    for object in objects.sorted(by: { $0.share > $1.share }) {
      guard let calls = object.rates["cnt"], let nsecs = object.rates["nsecs"] else { continue }
      let place = AnswerValues.Place(object: object.name, path: "cnt")
      if calls != 0 { moving.insert(place) }
      guard moving.contains(place) else { continue }
      table.rows.append([
        object.name, fixed(calls, 1), object.nsPerCall.map { fixed($0, 1) } ?? "",
        fixed(nsecs / 1e7, 2), object.rates["misses"].map { fixed($0, 1) } ?? "",
        spark(calls, place),
      ])
    }
    return table
  }

  /// The last rates as bars, the highest of them full.
  private func spark(_ rate: Double, _ row: AnswerValues.Place) -> String {
    let rates = (past[row] ?? []).suffix(Self.pastCount - 1) + [rate]
    past[row] = Array(rates)
    let most = rates.max() ?? 0
    let bars = Array("▁▂▃▄▅▆▇█")
    return String(
      rates.map { rate in
        guard most.isFinite, rate > 0 else { return bars[0] }
        return bars[min(bars.count - 1, Int(rate / most * Double(bars.count - 1) + 0.5))]
      })
  }
}

extension WatchedObject {
  /// Of a CPU's time, in nanoseconds a second.
  fileprivate var share: Double { rates["nsecs"] ?? 0 }
}
