/// A shell pattern over bytes: `*` stands for any bytes, `?` for one, `[a-z]` for one of a set,
/// `[!a-z]` for one of no such set; a backslash takes the next byte as it is.
public struct Glob: Sendable {
  /// A byte, or `star`, `anyByte`, or `firstSet` and the index of a set.
  private var pattern: [Int] = []
  private var sets: [[Bool]] = []

  private static let (star, anyByte, firstSet) = (256, 257, 258)

  public init(_ text: String) {
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "*"): pattern.append(Self.star)
      case UInt8(ascii: "?"): pattern.append(Self.anyByte)
      case UInt8(ascii: "\\"): pattern.append(Int(rest.popFirst() ?? byte))
      case UInt8(ascii: "["):
        // One that does not end is a bracket.
        if let set = Self.set(&rest) {
          pattern.append(Self.firstSet + sets.count)
          sets.append(set)
        } else {
          pattern.append(Int(byte))
        }
      default: pattern.append(Int(byte))
      }
    }
  }

  /// Takes a set, after its opening bracket.
  private static func set(_ rest: inout ArraySlice<UInt8>) -> [Bool]? {
    var text = rest
    let isNegated = text.first == UInt8(ascii: "!") || text.first == UInt8(ascii: "^")
    if isNegated { text.removeFirst() }
    var set = [Bool](repeating: isNegated, count: 256)
    var isFirst = true
    // A closing bracket that stands first is of the set.
    while let low = text.popFirst() {
      if low == UInt8(ascii: "]"), !isFirst {
        rest = text
        return set
      }
      isFirst = false
      var high = low
      if text.first == UInt8(ascii: "-"), let end = text.dropFirst().first,
        end != UInt8(ascii: "]")
      {
        high = end
        text = text.dropFirst(2)
      }
      if low <= high { for byte in low...high { set[Int(byte)] = !isNegated } }
    }
    return nil
  }

  public func matches(_ name: String) -> Bool { matches(Array(name.utf8).span.bytes) }

  func matches(_ name: RawSpan) -> Bool {
    var p = 0
    var n = 0
    // On a mismatch only the last star needs another try, one byte further: linear in practice,
    // never exponential.
    var retry: (p: Int, n: Int)?
    while n < name.byteCount {
      let byte = unsafe name.unsafeLoad(fromByteOffset: n, as: UInt8.self)
      if p < pattern.count, pattern[p] == Self.star {
        p += 1
        retry = (p, n)
      } else if p < pattern.count, isOne(byte, of: pattern[p]) {
        p += 1
        n += 1
      } else if let last = retry {
        retry = (last.p, last.n + 1)
        (p, n) = (last.p, last.n + 1)
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == Self.star }
  }

  private func isOne(_ byte: UInt8, of element: Int) -> Bool {
    element == Int(byte) || element == Self.anyByte
      || element >= Self.firstSet && sets[element - Self.firstSet][Int(byte)]
  }
}
