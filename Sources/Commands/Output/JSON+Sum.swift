/// Sums of values of one type, as those of all CPUs are.
extension JSON {
  /// The member of an object; nil where it has none.
  subscript(key: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key == key }?.value
  }

  /// True for a number, and for an array or object of nothing but numbers.
  var isNumeric: Bool {
    switch self {
    case .unsigned, .signed, .number: true
    case .array(let elements): !elements.isEmpty && elements.allSatisfy(\.isNumeric)
    case .object(let members): !members.isEmpty && members.allSatisfy(\.value.isNumeric)
    case .null, .bool, .string: false
    }
  }

  /// Number by number, modulo 2^64; nil for what is not of one form, or not all numbers.
  static func + (a: JSON, b: JSON) -> JSON? {
    switch (a, b) {
    case (.unsigned(let a), .unsigned(let b)): return .unsigned(a &+ b)
    case (.signed(let a), .signed(let b)): return .signed(a &+ b)
    case (.number(let a), .number(let b)): return .number(a + b)
    case (.array(let a), .array(let b)) where a.count == b.count:
      let sums = zip(a, b).compactMap { $0 + $1 }
      return sums.count == a.count ? .array(sums) : nil
    case (.object(let a), .object(let b)) where a.map(\.key) == b.map(\.key):
      let sums = zip(a, b).compactMap { a, b in
        (a.value + b.value).map { Member(key: a.key, value: $0) }
      }
      return sums.count == a.count ? .object(sums) : nil
    default: return nil
    }
  }
}
