import GuestScopeBytes

/// Finds the documents in what a process prints: each begins a line, and of one with several lines those
/// between its brackets are indented.
struct DocumentSplitter {
  /// Each line is one.
  private let isOfLines: Bool
  private var line: [UInt8] = []
  private var lines: [String] = []

  init(isOfLines: Bool = false) { self.isOfLines = isOfLines }

  /// The documents that more bytes have finished.
  mutating func add(_ bytes: ArraySlice<UInt8>) -> [String] {
    var found: [String] = []
    for byte in bytes {
      guard byte == UInt8(ascii: "\n") else {
        line.append(byte)
        continue
      }
      found += take()
    }
    return found
  }

  /// What was not finished.
  mutating func end() -> [String] {
    var found = line.isEmpty ? [] : take()
    if !lines.isEmpty { found.append(lines.joined(separator: "\n")) }
    lines = []
    return found
  }

  private mutating func take() -> [String] {
    lines.append(String(decoding: line, as: UTF8.self))
    line = []
    let last = lines[lines.count - 1]
    let goesOn =
      lines.count == 1 ? last == "[" || last == "{" : last.hasPrefix(" ")
    guard isOfLines || !goesOn else { return [] }
    defer { lines = [] }
    return [lines.joined(separator: "\n")]
  }
}

/// The text of a JSON document, which becomes a part of another one.
struct DocumentText {
  /// What is not JSON, such as an answer that broke off, stands as a string in its place.
  let text: String

  init(_ printed: String) {
    text = JSON.isDocument(printed) ? printed : JSON.string(printed).text(pretty: false)
  }

  /// The document, an object, with a member before its others.
  func adding(_ member: String) -> String {
    guard text.hasPrefix("{") else { return "{" + member + ",\"text\":" + text + "}" }
    return "{" + member + (text == "{}" ? "" : ",") + text.dropFirst()
  }
}
