/// A JSON document, with the members of objects in the order they are given.
enum JSON: Hashable, Sendable {
  case null
  case bool(Bool)
  case unsigned(UInt64)
  case signed(Int64)
  /// Null in JSON where it is not finite.
  case number(Double)
  case string(String)
  case array([JSON])
  case object([Member])

  struct Member: Hashable, Sendable {
    var key: String
    var value: JSON
  }
}

extension JSON: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral,
  ExpressibleByStringLiteral
{
  init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(elements.map { Member(key: $0.0, value: $0.1) })
  }

  init(arrayLiteral elements: JSON...) { self = .array(elements) }
  init(stringLiteral value: String) { self = .string(value) }

  /// Null for nil.
  init(_ number: (some UnsignedInteger)?) {
    self = number.map { .unsigned(UInt64($0)) } ?? .null
  }

  /// Null for nil.
  init(_ number: Int?) { self = number.map { JSON(Int128($0)) } ?? .null }

  /// A number of 64 bits with or without a sign.
  init(_ number: Int128) {
    self =
      number < 0
      ? .signed(Int64(truncatingIfNeeded: number)) : .unsigned(UInt64(truncatingIfNeeded: number))
  }

  init(_ text: String?) { self = text.map { .string($0) } ?? .null }
  init(_ flag: Bool?) { self = flag.map { .bool($0) } ?? .null }

  /// Adds members to an object.
  public func adding(_ members: [Member]) -> JSON {
    guard case .object(let own) = self else { return self }
    return .object(own + members)
  }

  func adding(_ members: KeyValuePairs<String, JSON>) -> JSON {
    guard case .object(let own) = self else { return self }
    return .object(own + members.map { Member(key: $0.key, value: $0.value) })
  }
}

extension JSON {
  /// On one line, or, `pretty`, indented by bpftool's four spaces.
  func text(pretty: Bool) -> String {
    var text = ""
    write(to: &text, indent: pretty ? 0 : nil)
    return text
  }

  /// - Parameter indent: of the line that it begins in; nil writes it on one line.
  func write(to text: inout String, indent: Int?) {
    switch self {
    case .null: text += "null"
    case .bool(let flag): text += flag ? "true" : "false"
    case .unsigned(let number): text += String(number)
    case .signed(let number): text += String(number)
    case .number(let number): text += number.isFinite ? "\(number)" : "null"
    case .string(let string): Self.write(string, to: &text)
    case .array(let elements):
      Self.write(elements, "[", "]", to: &text, indent) { element, text, indent in
        element.write(to: &text, indent: indent)
      }
    case .object(let members):
      Self.write(members, "{", "}", to: &text, indent) { member, text, indent in
        member.write(to: &text, indent: indent)
      }
    }
  }

  private static func write<Element>(
    _ elements: [Element], _ open: String, _ close: String, to text: inout String,
    _ indent: Int?, _ writeElement: (Element, inout String, Int?) -> Void
  ) {
    text += open
    let inner = indent.map { $0 + 4 }
    for (index, element) in elements.enumerated() {
      if index > 0 { text += "," }
      if let inner { text += "\n" + String(repeating: " ", count: inner) }
      writeElement(element, &text, inner)
    }
    if let indent, !elements.isEmpty { text += "\n" + String(repeating: " ", count: indent) }
    text += close
  }

  fileprivate static func write(_ string: String, to text: inout String) {
    text += "\""
    defer { text += "\"" }
    // Nearly all are plain, and some are long.
    let (quote, backslash) = (UInt8(ascii: "\""), UInt8(ascii: "\\"))
    if string.utf8.allSatisfy({ (0x20..<0x7f).contains($0) && $0 != quote && $0 != backslash }) {
      text += string
      return
    }
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\t": text += "\\t"
      case "\r": text += "\\r"
      // Beyond what JSON asks for: a terminal takes these for commands, and names are the guest's.
      case _ where scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value):
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
  }
}

extension JSON.Member {
  func write(to text: inout String, indent: Int?) {
    Self.write(key: key, to: &text, isPretty: indent != nil)
    value.write(to: &text, indent: indent)
  }

  /// What stands before a value.
  static func write(key: String, to text: inout String, isPretty: Bool) {
    JSON.write(key, to: &text)
    text += isPretty ? ": " : ":"
  }
}
