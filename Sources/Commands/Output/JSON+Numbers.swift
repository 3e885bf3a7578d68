/// Numbers of any kind.
extension JSON {
  /// Nil for what is not a number.
  var double: Double? {
    switch self {
    case .unsigned(let number): Double(number)
    case .signed(let number): Double(number)
    case .number(let number): number
    default: nil
    }
  }

  /// The difference of two numbers: exact for whole ones, as far as 64 bits hold it.
  static func - (a: JSON, b: JSON) -> JSON? {
    if let a = a.whole, let b = b.whole {
      let difference = a - b
      let isHeld = (Int128(Int64.min)...Int128(UInt64.max)).contains(difference)
      return isHeld ? JSON(difference) : .number(Double(difference))
    }
    guard let a = a.double, let b = b.double else { return nil }
    return .number(a - b)
  }

  /// Nil for what is not a whole number.
  var whole: Int128? {
    switch self {
    case .unsigned(let number): Int128(number)
    case .signed(let number): Int128(number)
    default: nil
    }
  }
}
