/// Takes an answer as it comes: elements of arrays where a program reads, lines where a person does.
protocol AnswerStream: AnyObject {
  /// Lines that only a screen shows.
  func lines(_ lines: @autoclosure () -> [String]) throws
  /// Elements of the array that is open, which only a document has.
  func elements(_ elements: @autoclosure () -> [JSON]) throws
  /// An array in which `work` writes elements.
  func array(_ work: () throws -> Void) throws
  /// An object with members of which the last is an array, in which `work` writes elements.
  func object(_ members: [JSON.Member], array key: String, _ work: () throws -> Void) throws
}

/// Keeps an answer for those who want all of it, in both forms.
final class CollectedAnswer: AnswerStream {
  private(set) var lines: [String] = []
  /// Elements of the arrays that are open; of the first the document is the only one.
  private var open: [[JSON]] = [[]]

  /// Null as long as nothing was written.
  var document: JSON { open[0].first ?? .null }

  func lines(_ lines: @autoclosure () -> [String]) { self.lines += lines() }

  func elements(_ elements: @autoclosure () -> [JSON]) { open[open.count - 1] += elements() }

  func array(_ work: () throws -> Void) throws {
    let all = try elements(of: work)
    elements([.array(all)])
  }

  func object(_ members: [JSON.Member], array key: String, _ work: () throws -> Void) throws {
    let last = JSON.Member(key: key, value: .array(try elements(of: work)))
    elements([.object(members + [last])])
  }

  private func elements(of work: () throws -> Void) throws -> [JSON] {
    open.append([])
    defer { open.removeLast() }
    try work()
    return open[open.count - 1]
  }
}

/// Writes an answer in two forms, as it comes.
final class TwoForms: AnswerStream {
  private let first: AnswerWriter
  private let second: AnswerWriter

  init(_ first: AnswerWriter, _ second: AnswerWriter) {
    (self.first, self.second) = (first, second)
  }

  func lines(_ lines: @autoclosure () -> [String]) throws {
    try first.lines(lines())
    try second.lines(lines())
  }

  func elements(_ elements: @autoclosure () -> [JSON]) throws {
    try first.elements(elements())
    try second.elements(elements())
  }

  func array(_ work: () throws -> Void) throws { try first.array { try second.array(work) } }

  func object(_ members: [JSON.Member], array key: String, _ work: () throws -> Void) throws {
    try first.object(members, array: key) { try second.object(members, array: key, work) }
  }
}

/// Writes an answer as it comes.
final class AnswerWriter: AnswerStream {
  private let form: OutputForm
  private let write: (String) throws -> Void
  /// The arrays and objects that are open: what ends each, and whether anything stands in it.
  private var open: [(end: String, isEmpty: Bool)] = []

  /// - Parameter write: takes text as it comes; what it throws ends the answer.
  init(_ form: OutputForm, write: @escaping (String) throws -> Void) {
    (self.form, self.write) = (form, write)
  }

  private var isPretty: Bool { form == .pretty }

  func lines(_ lines: @autoclosure () -> [String]) throws {
    guard form == .screen else { return }
    let text = lines().map { $0.printable + "\n" }.joined()
    if !text.isEmpty { try write(text) }
  }

  func elements(_ elements: @autoclosure () -> [JSON]) throws {
    guard form != .screen else { return }
    var text = ""
    for element in elements() {
      text += separator()
      element.write(to: &text, indent: isPretty ? indent : nil)
    }
    // A document by itself ends its line.
    if !text.isEmpty { try write(open.isEmpty ? text + "\n" : text) }
  }

  func array(_ work: () throws -> Void) throws {
    try nested("[", "]", work)
  }

  func object(_ members: [JSON.Member], array key: String, _ work: () throws -> Void) throws {
    try nested(separator() + "{", "}") {
      var text = ""
      for member in members {
        text += separator()
        member.write(to: &text, indent: isPretty ? indent : nil)
      }
      text += separator()
      JSON.Member.write(key: key, to: &text, isPretty: isPretty)
      if form != .screen { try write(text) }
      try array(work)
    }
  }

  private var indent: Int { 4 * open.count }

  private func nested(_ start: String, _ end: String, _ work: () throws -> Void) throws {
    guard form != .screen else { return try work() }
    try write(start)
    open.append((end, true))
    try work()
    let (end, isEmpty) = open.removeLast()
    let close = isEmpty || !isPretty ? end : newLine + end
    try write(open.isEmpty ? close + "\n" : close)
  }

  private var newLine: String { "\n" + String(repeating: " ", count: indent) }

  /// What stands before the next element or member.
  private func separator() -> String {
    guard let last = open.indices.last else { return "" }
    defer { open[last].isEmpty = false }
    return (open[last].isEmpty ? "" : ",") + (isPretty ? newLine : "")
  }
}
