import Foundation

/// What became of many sessions: a line each, and a table of them by way of ending.
struct TortureTally {
  private struct Row {
    var sessions = 0
    var changed = 0
    var otherwise = 0
    var exceptions = 0
  }

  private var rows: [String: Row] = [:]
  /// What broke the promise, with the seed that repeats it.
  private(set) var exceptions: [String] = []
  private(set) var count = 0
  private let log: URL?

  /// - Parameter path: a log of earlier sessions, which is gone on with.
  init(log path: String?) {
    log = path.map { URL(fileURLWithPath: $0) }
    guard let log, let text = try? String(contentsOf: log, encoding: .utf8) else { return }
    // Of a run that was cut off the last line may be a part.
    for line in text.split(separator: "\n") where line.hasSuffix(".") { take(line.dropLast()) }
  }

  mutating func add(_ session: TortureSession, _ outcome: TortureBench.Outcome) throws {
    let what =
      outcome.exceptions.isEmpty
      ? "kept" : "broken: \(outcome.exceptions.joined(separator: "; "))"
    let words = [
      "\(session.way)", "\(session.seed)", outcome.hasChangedRunState ? "changed" : "-",
      outcome.isOtherwise ? "otherwise" : "-",
      "\(session.name), \(what.replacingOccurrences(of: "\n", with: " "))",
    ]
    let line = words.joined(separator: "\t")
    take(line[...])
    guard let log else { return }
    if !FileManager.default.fileExists(atPath: log.path) {
      _ = FileManager.default.createFile(atPath: log.path, contents: nil)
    }
    let file = try FileHandle(forWritingTo: log)
    try file.seekToEnd()
    try file.write(contentsOf: Data((line + ".\n").utf8))
    try file.close()
  }

  private mutating func take(_ line: Substring) {
    let words = line.split(separator: "\t", maxSplits: 4).map(String.init)
    guard words.count == 5 else { return }
    count += 1
    var row = rows[words[0]] ?? Row()
    row.sessions += 1
    if words[2] == "changed" { row.changed += 1 }
    if words[3] == "otherwise" { row.otherwise += 1 }
    if words[4].contains(", broken: ") {
      row.exceptions += 1
      exceptions.append("seed \(words[1]): \(words[4])")
    }
    rows[words[0]] = row
  }

  var table: String {
    let names = TortureWay.allCases.map { "\($0)" }.filter { rows[$0] != nil }
    func line(_ name: String, _ row: Row) -> String {
      ([name.padding(toLength: 16, withPad: " ", startingAt: 0)]
        + [row.sessions, row.changed, row.otherwise, row.exceptions].map { number in
          let digits = String(number)
          return String(repeating: " ", count: max(0, 12 - digits.count)) + digits
        }).joined()
    }
    var all = Row()
    for row in rows.values {
      all.sessions += row.sessions
      all.changed += row.changed
      all.otherwise += row.otherwise
      all.exceptions += row.exceptions
    }
    let head = "way                 sessions    state lie   otherwise  exceptions"
    return ([head] + names.map { line($0, rows[$0]!) } + [line("all", all)])
      .joined(separator: "\n")
  }
}
