/// Whether text is a JSON document (RFC 8259), found out without making values of it.
struct JSONSyntax {
  private let bytes: [UInt8]
  private var place = 0
  /// The deepest nesting that is accepted; answers nest only a few levels.
  private static let mostNested = 256

  /// True for one document, with blanks around it or without.
  static func accepts(_ text: String) -> Bool {
    var scanner = JSONSyntax(bytes: Array(text.utf8))
    guard scanner.value(depth: 0) else { return false }
    scanner.skipBlanks()
    return scanner.place == scanner.bytes.count
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

  private mutating func skipBlanks() {
    while let byte = next, [0x20, 0x0a, 0x0d, 0x09].contains(byte) { place += 1 }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    place += 1
    return true
  }

  private mutating func value(depth: Int) -> Bool {
    skipBlanks()
    switch next {
    case UInt8(ascii: "["):
      return elements(to: "]", depth) { $0.value(depth: depth + 1) }
    case UInt8(ascii: "{"):
      return elements(to: "}", depth) { scanner in
        scanner.skipBlanks()
        guard scanner.string() else { return false }
        scanner.skipBlanks()
        return scanner.take(":") && scanner.value(depth: depth + 1)
      }
    case UInt8(ascii: "\""): return string()
    default: return word()
    }
  }

  private mutating func elements(
    to end: Unicode.Scalar, _ depth: Int, _ element: (inout JSONSyntax) -> Bool
  ) -> Bool {
    guard depth < Self.mostNested else { return false }
    place += 1
    skipBlanks()
    if take(end) { return true }
    repeat {
      guard element(&self) else { return false }
      skipBlanks()
    } while take(",")
    return take(end)
  }

  private mutating func string() -> Bool {
    guard take("\"") else { return false }
    while let byte = next {
      place += 1
      switch byte {
      case UInt8(ascii: "\""): return true
      case UInt8(ascii: "\\"): guard escape() else { return false }
      case ..<0x20: return false
      default: break
      }
    }
    return false
  }

  private mutating func escape() -> Bool {
    guard let kind = next else { return false }
    place += 1
    guard kind == UInt8(ascii: "u") else { return "\"\\/bfnrt".utf8.contains(kind) }
    let digits = bytes[place..<min(place + 4, bytes.count)]
    place += digits.count
    return digits.count == 4 && digits.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
  }

  /// A number, `true`, `false` or `null`.
  private mutating func word() -> Bool {
    for word in ["true", "false", "null"] where bytes[place...].starts(with: word.utf8) {
      place += word.utf8.count
      return true
    }
    _ = take("-")
    guard take("0") || digits() else { return false }
    if take("."), !digits() { return false }
    guard take("e") || take("E") else { return true }
    _ = take("+") || take("-")
    return digits()
  }

  private mutating func digits() -> Bool {
    let start = place
    while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { place += 1 }
    return place > start
  }
}
