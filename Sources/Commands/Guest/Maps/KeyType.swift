import GuestScopeBTF

/// What a part of a key that has no parts itself can be.
enum KeyType: CustomStringConvertible {
  case number(isSigned: Bool)
  case bool
  /// The values of enumerators, by name.
  case enumeration([String: Int128])
  case text

  /// Nil for a type with parts.
  init?(_ id: BTF.TypeID, in btf: BTF) {
    guard let resolved = try? btf.resolve(id), let type = try? btf.type(resolved) else {
      return nil
    }
    switch type {
    case .int(_, _, _, let encoding):
      self = encoding.contains(.bool) ? .bool : .number(isSigned: encoding.contains(.signed))
    case .ptr: self = .number(isSigned: false)
    case .enum(_, _, let list), .enum64(_, _, let list):
      let values = list.map { (btf.text($0.name), $0.value) }
      self = .enumeration(Dictionary(values, uniquingKeysWith: { first, _ in first }))
    case .array(let element, _, _):
      guard let inner = try? btf.resolve(element), case .int(1, _, _, _)? = try? btf.type(inner),
        (try? btf.name(of: inner)) == "char"
      else { return nil }
      self = .text
    default: return nil
    }
  }

  /// The bytes of a value, lowest first.
  ///
  /// - Parameter bits: of the part.
  /// - Returns: nil for what is not a value of this type, or does not fit.
  func bytes(of text: String, bits: Int) -> [UInt8]? {
    switch self {
    case .text:
      let (bytes, size) = (Array(text.utf8), bits / 8)
      return bytes.count <= size ? bytes + [UInt8](repeating: 0, count: size - bytes.count) : nil
    case .bool:
      switch text {
      case "true", "1": return Self.bytes(1, bits)
      case "false", "0": return Self.bytes(0, bits)
      default: return nil
      }
    case .enumeration(let names): return Self.bytes(names[text] ?? Self.number(text), bits)
    case .number: return Self.bytes(Self.number(text), bits)
    }
  }

  private static func number(_ text: String) -> Int128? {
    let isNegative = text.hasPrefix("-")
    let digits = isNegative ? text.dropFirst() : text[...]
    let isHex = digits.hasPrefix("0x")
    let number = UInt64(isHex ? digits.dropFirst(2) : digits, radix: isHex ? 16 : 10)
    return number.map { isNegative ? -Int128($0) : Int128($0) }
  }

  /// A number with or without a sign: both -1 and 255 fit into a byte.
  private static func bytes(_ number: Int128?, _ bits: Int) -> [UInt8]? {
    guard let number, (1...64).contains(bits) else { return nil }
    let limit = Int128(1) << Int128(bits)
    guard number < limit, number >= -(limit / 2) else { return nil }
    return (0..<(bits + 7) / 8).map { UInt8(truncatingIfNeeded: number >> Int128(8 * $0)) }
  }

  var description: String {
    switch self {
    case .number(let isSigned): isSigned ? "it is a number with a sign" : "it is a number"
    case .bool: "it is true or false"
    case .enumeration(let names):
      "it is one of "
        + names.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.prefix(12)
        .map(\.key).joined(separator: ", ")
    case .text: "it is text"
    }
  }
}
