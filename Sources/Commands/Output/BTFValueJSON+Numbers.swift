import GuestScopeBTF
import GuestScopeBytes

/// Numbers, each as `btf_dumper_int()` and its like have it.
extension BTFValueJSON {
  /// - Parameter size: bytes: 1, 2, 4 or 8.
  func integer(
    _ size: Int, _ encoding: BTFType.IntEncoding, at offset: Int, in bytes: [UInt8]
  ) -> JSON {
    guard let number = number(size, at: offset, in: bytes) else { return .null }
    if encoding.contains(.bool) { return .bool(number != 0) }
    // clang calls `char` signed and nothing more, so that it is a number here.
    if encoding == .char {
      return .string(String(Unicode.Scalar(UInt8(truncatingIfNeeded: number))))
    }
    return encoding.contains(.signed) ? .signed(signed(number, size)) : .unsigned(number)
  }

  /// Bits of the little-endian number at an offset, as text; so are bit-fields and numbers of 128
  /// bits.
  func hex(_ bits: Range<Int>, at offset: Int, in bytes: [UInt8]) -> JSON {
    guard bits.count <= 128, bits.upperBound < 1 << 16 else { return .null }
    let first = bits.lowerBound / 8
    let end = (bits.upperBound + 7) / 8
    guard let part = bytes.bytes(at: offset &+ first, count: end - first) else { return .null }
    var number: UInt128 = 0
    for (index, byte) in part.enumerated() {
      // A negative one shifts to the right: the first byte may begin with bits of a neighbour.
      number |= UInt128(byte) << (8 * (first + index) - bits.lowerBound)
    }
    if bits.count < 128 { number &= 1 << UInt128(bits.count) - 1 }
    return .string("0x" + String(number, radix: 16))
  }

  /// The first enumerator with the value, or else the value with a sign, as bpftool has it.
  func enumerator(
    _ size: Int, _ list: [BTFType.Enumerator], at offset: Int, in bytes: [UInt8]
  ) -> JSON {
    guard [1, 2, 4, 8].contains(size), let number = number(size, at: offset, in: bytes) else {
      return .null
    }
    // BTF keeps 32 or 64 bits of an enumerator, of which a value may have fewer.
    let mask = size == 8 ? UInt64.max : 1 << UInt64(8 * size) - 1
    let match = list.first { UInt64(truncatingIfNeeded: $0.value) & mask == number }
    return match.map { .string(btf.text($0.name)) } ?? .signed(signed(number, size))
  }

  func float(_ size: Int, at offset: Int, in bytes: [UInt8]) -> JSON {
    switch size {
    case 4:
      guard let word = bytes.u32(at: offset) else { return .null }
      // The shortest text that is this number: 0.1, where the same in 64 bits has 17 digits.
      return Double("\(Float(bitPattern: word))").map { .number($0) } ?? .null
    case 8: return bytes.u64(at: offset).map { .number(Double(bitPattern: $0)) } ?? .null
    default: return hex(0..<8 * size, at: offset, in: bytes)
    }
  }

  private func number(_ size: Int, at offset: Int, in bytes: [UInt8]) -> UInt64? {
    bytes.bytes(at: offset, count: size)?.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private func signed(_ number: UInt64, _ size: Int) -> Int64 {
    let spare = UInt64(64 - 8 * size)
    return Int64(bitPattern: number << spare) >> Int64(spare)
  }
}
