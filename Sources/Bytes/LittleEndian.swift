extension [UInt8] {
  /// The little-endian integer at a byte offset, or nil when it does not lie wholly inside.
  @inlinable
  public func load<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type, at offset: Int) -> T? {
    guard offset >= 0, offset <= count - MemoryLayout<T>.size else { return nil }
    let raw = unsafe span.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: T.self)
    return T(littleEndian: raw)
  }

  @inlinable public func u8(at offset: Int) -> UInt8? {
    indices.contains(offset) ? self[offset] : nil
  }
  @inlinable public func u16(at offset: Int) -> UInt16? { load(UInt16.self, at: offset) }
  @inlinable public func u32(at offset: Int) -> UInt32? { load(UInt32.self, at: offset) }
  @inlinable public func u64(at offset: Int) -> UInt64? { load(UInt64.self, at: offset) }

  /// `count` bytes from `offset`, or nil when they do not lie wholly inside.
  @inlinable
  public func bytes(at offset: Int, count n: Int) -> ArraySlice<UInt8>? {
    guard offset >= 0, n >= 0, offset <= count - n else { return nil }
    return self[offset..<offset + n]
  }

  /// Appends an integer in little-endian order.
  @inlinable
  public mutating func append<T: FixedWidthInteger>(littleEndian value: T) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}

extension Collection<UInt8> {
  /// The text up to the first NUL or the end; invalid UTF-8 becomes U+FFFD.
  @inlinable public var nulTerminatedText: String {
    String(decoding: prefix { $0 != 0 }, as: UTF8.self)
  }
}
