/// Makes one answer of those of all guests.
protocol AllGuestsOutput: AnyObject {
  /// The process of a guest has printed more.
  func add(_ bytes: ArraySlice<UInt8>, of guest: String) throws
  /// It has ended.
  func end(of guest: String, _ status: Int32) throws
  /// A guest cannot be asked; the reason is already on standard error.
  func lacks(_ guest: String, _ reason: String) throws
  /// All guests have ended.
  ///
  /// - Parameter guests: in the order to show them in.
  func finish(_ guests: [String]) throws
}

/// For people: one heading per guest, shown as soon as its answer is complete.
final class ScreenOutput: AllGuestsOutput {
  private let console: Console
  private var texts: BoundedTexts
  private var isFirst = true

  init(_ console: Console, limit: Int) {
    self.console = console
    texts = BoundedTexts(limit: limit)
  }

  func add(_ bytes: ArraySlice<UInt8>, of guest: String) throws { try texts.add(bytes, of: guest) }

  func end(of guest: String, _ status: Int32) throws {
    try show(guest, texts.take(guest, isShown: true))
  }

  func lacks(_ guest: String, _ reason: String) throws { try show(guest, []) }

  func finish(_ guests: [String]) {}

  private func show(_ guest: String, _ bytes: [UInt8]) throws {
    let heading = console.style(isWide: true).paint("\(guest.printable):", .emphasis)
    let text = String(decoding: bytes, as: UTF8.self)
    try console.answer((isFirst ? "" : "\n") + heading + "\n" + text)
    isFirst = false
  }
}

/// For programs: an object with one member per guest.
final class DocumentOutput: AllGuestsOutput {
  private let console: Console
  private let isPretty: Bool
  private let isBatch: Bool
  private var texts: BoundedTexts
  private var values: [String: String] = [:]

  /// - Parameter isBatch: a member is a list, with an element a command.
  init(_ console: Console, _ form: OutputForm, isBatch: Bool, limit: Int) {
    (self.console, isPretty, self.isBatch) = (console, form == .pretty, isBatch)
    texts = BoundedTexts(limit: limit)
  }

  func add(_ bytes: ArraySlice<UInt8>, of guest: String) throws { try texts.add(bytes, of: guest) }

  func end(of guest: String, _ status: Int32) {
    var splitter = DocumentSplitter()
    let documents = (splitter.add(texts.take(guest, isShown: false)[...]) + splitter.end()).map {
      DocumentText($0).text
    }
    if isBatch {
      values[guest] = list(documents)
    } else {
      values[guest] = documents.first ?? error("its process has ended with status \(status)")
    }
  }

  func lacks(_ guest: String, _ reason: String) {
    values[guest] = isBatch ? list([error(reason)]) : error(reason)
  }

  func finish(_ guests: [String]) throws {
    let members = guests.map { guest in
      JSON.string(guest).text(pretty: false) + (isPretty ? ": " : ":") + (values[guest] ?? "null")
    }
    try console.answer(nested("{", members, "}") + "\n")
  }

  private func error(_ reason: String) -> String {
    let document: JSON = ["error": .string(reason)]
    return document.text(pretty: isPretty)
  }

  private func list(_ documents: [String]) -> String { nested("[", documents, "]") }

  /// Lines of documents are moved to the right as a whole: no text in them has a line's end.
  private func nested(_ open: String, _ parts: [String], _ close: String) -> String {
    guard isPretty, !parts.isEmpty else {
      return open + parts.joined(separator: ",") + close
    }
    let lines = parts.joined(separator: ",\n").split(separator: "\n")
    return open + "\n" + lines.map { "    " + $0 + "\n" }.joined() + close
  }
}

/// What is shown while it comes: lines that begin with the guest's name, or documents that have it.
final class LiveOutput: AllGuestsOutput {
  private let console: Console
  private let form: OutputForm
  private var documents: [String: DocumentSplitter] = [:]

  init(_ console: Console, _ form: OutputForm) { (self.console, self.form) = (console, form) }

  func add(_ bytes: ArraySlice<UInt8>, of guest: String) throws {
    try show(
      documents[guest, default: DocumentSplitter(isOfLines: form == .screen)].add(bytes), guest)
  }

  func end(of guest: String, _ status: Int32) throws {
    try show(documents[guest]?.end() ?? [], guest)
  }

  func lacks(_ guest: String, _ reason: String) throws {
    guard form != .screen else { return }
    try show([JSON(dictionaryLiteral: ("error", .string(reason))).text(pretty: false)], guest)
  }

  func finish(_ guests: [String]) {}

  private func show(_ parts: [String], _ guest: String) throws {
    let name = JSON.string(guest).text(pretty: false)
    for part in parts {
      switch form {
      case .screen: try console.answer("\(guest.printable): \(part)\n")
      case .json: try console.answer(DocumentText(part).adding("\"guest\":\(name)") + "\n")
      case .pretty: try console.answer(DocumentText(part).adding("\n    \"guest\": \(name)") + "\n")
      }
    }
  }
}

/// The answers are too long to be kept.
struct TooLong: Error, CustomStringConvertible {
  var limit: Int
  var description: String {
    "the answers have more than \(sizeText(UInt64(limit))) in all, too much for -c all: ask this guest "
      + "alone"
  }
}

/// What processes have printed so far.
private struct BoundedTexts {
  private let limit: Int
  private var left: Int
  private var texts: [String: [UInt8]] = [:]

  /// - Parameter limit: bytes of all guests together.
  init(limit: Int) { (self.limit, left) = (limit, limit) }

  mutating func add(_ bytes: ArraySlice<UInt8>, of guest: String) throws(TooLong) {
    guard !bytes.isEmpty else { return }
    guard bytes.count <= left else {
      _ = take(guest, isShown: true)
      throw TooLong(limit: limit)
    }
    left -= bytes.count
    texts[guest, default: []] += bytes
  }

  /// - Parameter isShown: it need not be kept any longer.
  mutating func take(_ guest: String, isShown: Bool) -> [UInt8] {
    let bytes = texts.removeValue(forKey: guest) ?? []
    if isShown { left += bytes.count }
    return bytes
  }
}
