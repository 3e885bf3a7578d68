import GuestScopeBTF
import GuestScopeBytes

extension ValueDecoder {
  /// The little-endian number at an offset, or some bits of it; nil when it is not all there.
  func number(at offset: Int, size: Int, in bytes: [UInt8], _ bits: Range<Int>?) -> UInt64? {
    let count = bits.map { ($0.upperBound + 7) / 8 } ?? size
    guard let part = bytes.bytes(at: offset, count: count) else { return nil }
    var value: UInt64 = 0
    for (index, byte) in part.enumerated() where index < 8 { value |= UInt64(byte) << (8 * index) }
    guard let bits else { return value }
    // A bit-field of 64 bits may begin in the middle of a byte.
    value >>= bits.lowerBound
    if part.count == 9, let last = part.last { value |= UInt64(last) << (64 - bits.lowerBound) }
    return value.low(bits.count)
  }

  func integer(_ raw: UInt64, bits: Int, _ encoding: BTFType.IntEncoding) -> KernelValue {
    // A bool with another value than the compiler's two shows it.
    if encoding.contains(.bool) { return raw > 1 ? .unsigned(raw) : .bool(raw == 1) }
    return encoding.contains(.signed) ? .signed(raw.signExtended(from: bits)) : .unsigned(raw)
  }

  func enumeration(
    _ raw: UInt64, width: Int, _ isSigned: Bool, _ list: [BTFType.Enumerator]
  ) -> KernelValue {
    let value = isSigned ? Int128(raw.signExtended(from: width)) : Int128(raw)
    // BTF keeps 32 or 64 bits of an enumerator, of which an object may have fewer.
    let match = list.first {
      $0.value == value || !isSigned && UInt64(truncatingIfNeeded: $0.value).low(width) == raw
    }
    return .enumerator(name: match.map { btf.text($0.name) }, value: match?.value ?? value)
  }
}

extension UInt64 {
  fileprivate func low(_ bits: Int) -> UInt64 { bits >= 64 ? self : self & (1 << bits - 1) }

  fileprivate func signExtended(from bits: Int) -> Int64 {
    guard (1..<64).contains(bits) else { return Int64(bitPattern: self) }
    return Int64(bitPattern: self << UInt64(64 - bits)) >> Int64(64 - bits)
  }
}
