import GuestScopeBytes

/// The symbols of a kernel at link addresses, as they lie in memory and in a cache: numbers are
/// little-endian, and nothing of it is trusted to make sense.
///
///     8 bytes   count of symbols
///     8 bytes   bytes of text
///     8 each    addresses, which ascend
///     4 each    where each symbol begins in the text, and the end of the last one
///     4 each    a `NameIndex` by the name without `.llvm.N`
///     the text: of each symbol nm(1)'s letter, then the name
final class SymbolTable: Sendable {
  let blob: SharedBytes
  let count: Int
  private let addresses: SharedBytes
  private let starts: SharedWords
  private let index: NameIndex
  let text: SharedBytes

  private static let headerSize = 16
  /// Far more than any kernel has: sums stay small numbers.
  private static let limit: UInt64 = 1 << 31

  /// - Returns: nil when the bytes are not such a table.
  init?(_ blob: SharedBytes) {
    guard let count = blob.u64(at: 0), count < Self.limit, let textCount = blob.u64(at: 8),
      textCount < Self.limit
    else { return nil }
    self.blob = blob
    self.count = Int(count)
    let parts = Self.parts(count: Int(count), textCount: Int(textCount))
    guard parts.text.upperBound == blob.count, let addresses = blob.slice(parts.addresses),
      let starts = blob.slice(parts.starts),
      let index = blob.slice(parts.index).flatMap({ NameIndex($0, entries: Int(count)) }),
      let text = blob.slice(parts.text)
    else { return nil }
    self.addresses = addresses
    self.starts = SharedWords(starts)
    self.index = index
    self.text = text
  }

  /// The bytes of a table.
  ///
  /// - Parameter starts: one more than there are addresses.
  static func blob(addresses: [UInt64], starts: [UInt32], text: [UInt8]) -> SharedBytes {
    let bytes = text.span.bytes
    var hashes: [UInt32?] = []
    hashes.reserveCapacity(addresses.count)
    for index in addresses.indices {
      let name = bytes.extracting(Int(starts[index]) + 1..<Int(starts[index + 1]))
      hashes.append(hash(ofName: name))
    }
    let index = NameIndex.words(hashes: hashes)
    let end = parts(count: addresses.count, textCount: text.count).text.upperBound
    return SharedBytes(count: end) { writer in
      writer.append(littleEndian: [UInt64(addresses.count), UInt64(text.count)])
      writer.append(littleEndian: addresses)
      writer.append(littleEndian: starts)
      writer.append(littleEndian: index)
      writer.append(text)
    }
  }

  private static func parts(count: Int, textCount: Int) -> (
    addresses: Range<Int>, starts: Range<Int>, index: Range<Int>, text: Range<Int>
  ) {
    let addresses = headerSize..<headerSize + 8 * count
    let starts = addresses.upperBound..<addresses.upperBound + 4 * (count + 1)
    let index = starts.upperBound..<starts.upperBound + 4 * NameIndex.wordCount(entries: count)
    return (addresses, starts, index, index.upperBound..<index.upperBound + textCount)
  }

  /// The link address of a symbol.
  func address(_ index: Int) -> UInt64 { addresses.u64(at: 8 * index) ?? 0 }

  /// The letter that nm(1) shows for a symbol.
  func type(_ index: Int) -> UInt8 { text.u8(at: Int(starts[index])) ?? UInt8(ascii: "?") }

  /// Where a symbol's name is in the text.
  func name(_ index: Int) -> Range<Int> {
    let (start, end) = (Int(starts[index]) + 1, Int(starts[index + 1]))
    return start <= end && end <= text.count ? start..<end : 0..<0
  }

  /// Whether a symbol's name begins with these bytes.
  func hasPrefix(_ prefix: [UInt8], _ index: Int) -> Bool {
    let name = name(index)
    guard name.count >= prefix.count else { return false }
    for (offset, byte) in prefix.enumerated() where text[name.lowerBound + offset] != byte {
      return false
    }
    return true
  }
}

/// What ThinLTO does to the name of a static symbol that other units use: `NAME.llvm.13`. Such a
/// symbol is found by either name, so both have one hash.
extension SymbolTable {
  private static let infix = Array(".llvm.".utf8)

  /// The symbols that may be called so or `NAME.llvm.N`, in ascending order.
  func candidates(_ name: [UInt8]) -> some Sequence<Int> {
    index.entries(hash: Self.hash(ofName: name.span.bytes))
  }

  /// Whether a symbol is called `STEM.llvm.N`.
  func isRenamed(_ index: Int, from stem: [UInt8]) -> Bool {
    let name = name(index)
    guard hasPrefix(stem, index) else { return false }
    return text.withSpan(of: name) { Self.stemLength($0) == stem.count }
  }

  private static func hash(ofName name: RawSpan) -> UInt32 {
    var stem = name
    while let length = stemLength(stem) { stem = stem.extracting(first: length) }
    return NameIndex.hash(stem)
  }

  /// The bytes in front of `.llvm.N`; nil for a name that does not end so.
  private static func stemLength(_ name: RawSpan) -> Int? {
    func byte(_ at: Int) -> UInt8 { unsafe name.unsafeLoad(fromByteOffset: at, as: UInt8.self) }
    var at = name.byteCount
    while at > 0, (0x30...0x39).contains(byte(at - 1)) { at -= 1 }
    // What nearly all names fail at comes first.
    guard at < name.byteCount, at > 0, byte(at - 1) == UInt8(ascii: "."), at >= infix.count else {
      return nil
    }
    let start = at - infix.count
    for (offset, expected) in infix.enumerated() where byte(start + offset) != expected {
      return nil
    }
    return start
  }
}
