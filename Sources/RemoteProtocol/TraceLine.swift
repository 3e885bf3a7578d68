import GuestScopeBytes

/// One line of what `--trace` writes: bytes of one direction, as readable text that can be read
/// back.
///
///     -> $m1000,8#5d
///     <- +$53ff00f053ff00f0#54
///
/// A backslash, what is not printable ASCII and a space at either end are written as `\xNN`.
public struct TraceLine: Sendable, Equatable {
  public enum Direction: String, Sendable {
    case sent = "->"
    case received = "<-"
  }

  public let direction: Direction
  public let bytes: [UInt8]

  public init(_ direction: Direction, _ bytes: [UInt8]) {
    self.direction = direction
    self.bytes = bytes
  }

  /// Reads a line; nil when it begins with neither arrow, as a comment does, or holds a bad escape.
  public init?(_ line: some StringProtocol) {
    let line = line.drop { $0 == " " || $0 == "\t" }
    guard let direction = Direction(rawValue: String(line.prefix(2))) else { return nil }
    guard let bytes = parseTraceText(line.dropFirst(2).drop { $0 == " " }) else { return nil }
    self.init(direction, bytes)
  }

  /// Bytes as a line each packet, for a reader; what is left after the last packet is a line of its
  /// own.
  public static func lines(_ direction: Direction, _ bytes: [UInt8]) -> [TraceLine] {
    var lines: [TraceLine] = []
    var rest = bytes[...]
    while let mark = rest.firstIndex(of: UInt8(ascii: "#")), mark + 2 < rest.endIndex {
      lines.append(TraceLine(direction, Array(rest[...(mark + 2)])))
      rest = rest[(mark + 3)...]
    }
    if !rest.isEmpty { lines.append(TraceLine(direction, Array(rest))) }
    return lines
  }
}

extension TraceLine: CustomStringConvertible {
  public var description: String { "\(direction.rawValue) \(bytes.traceText)" }
}

/// A whole trace, both ways.
public struct Transcript: Sendable, Equatable {
  public let lines: [TraceLine]

  /// Reads all lines that begin with an arrow; the others are comments.
  public init(_ text: String) {
    lines = text.split(whereSeparator: \.isNewline).compactMap { TraceLine($0) }
  }

  /// All that was sent, or all that was received.
  public func bytes(_ direction: TraceLine.Direction) -> [UInt8] {
    lines.filter { $0.direction == direction }.flatMap(\.bytes)
  }
}

extension [UInt8] {
  /// These bytes as printable ASCII without a space at either end.
  var traceText: String {
    var text: [UInt8] = []
    for (index, byte) in enumerated() {
      let isAtAnEnd = index == 0 || index == count - 1
      let isPlain = (0x21..<0x7f).contains(byte) && byte != UInt8(ascii: "\\")
      if isPlain || byte == UInt8(ascii: " ") && !isAtAnEnd {
        text.append(byte)
      } else {
        text += "\\x".utf8
        text += [byte].hexDigits
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}

private func parseTraceText(_ text: some StringProtocol) -> [UInt8]? {
  var bytes: [UInt8] = []
  var rest = Array(text.utf8)[...]
  while let byte = rest.popFirst() {
    guard byte == UInt8(ascii: "\\") else {
      bytes.append(byte)
      continue
    }
    guard rest.popFirst() == UInt8(ascii: "x"), rest.count >= 2,
      let escaped = rest.prefix(2).decodedHex
    else { return nil }
    bytes += escaped
    rest = rest.dropFirst(2)
  }
  return bytes
}
