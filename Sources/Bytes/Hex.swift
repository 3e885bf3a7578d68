extension UInt8 {
  /// The value of an ASCII hex digit of either case.
  @inlinable
  public var hexDigitValue: UInt8? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  /// The ASCII lower-case hex digit of the low four bits.
  @inlinable
  public static func hexDigit(_ nibble: UInt8) -> UInt8 {
    let n = nibble & 0xf
    return n < 10 ? UInt8(ascii: "0") + n : UInt8(ascii: "a") + n - 10
  }
}

extension Collection<UInt8> {
  /// These bytes as lower-case hex digits in ASCII.
  @inlinable
  public var hexDigits: [UInt8] {
    var digits: [UInt8] = []
    digits.reserveCapacity(2 * count)
    for byte in self {
      digits.append(.hexDigit(byte >> 4))
      digits.append(.hexDigit(byte))
    }
    return digits
  }

  /// These bytes as a lower-case hex string.
  public var hex: String { String(decoding: hexDigits, as: UTF8.self) }

  /// The bytes that these ASCII hex digits spell, or nil when a digit is wrong or one is left over.
  @inlinable
  public var decodedHex: [UInt8]? {
    guard count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count / 2)
    var high: UInt8?
    for digit in self {
      guard let value = digit.hexDigitValue else { return nil }
      if let upper = high {
        bytes.append(upper << 4 | value)
        high = nil
      } else {
        high = value
      }
    }
    return bytes
  }
}

extension FixedWidthInteger {
  /// This number as `0x…` in lower case.
  public var hex: String { "0x" + String(self, radix: 16) }
}
