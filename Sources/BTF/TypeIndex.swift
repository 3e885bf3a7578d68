import GuestScopeBytes

/// Where the types of one blob are, as it lies in memory and in a cache: numbers are little-endian,
/// and nothing of it is trusted to make sense.
///
///     4 bytes   count of types
///     4 bytes   count of those that are found by name
///     4 each    the byte offset of each type in the blob
///     4 each    places among the types of those that are found by name, which ascend
///     4 each    a `NameIndex` of these
struct TypeIndex: Sendable {
  let blob: SharedBytes
  /// The byte offset of each type; the first one has the id `BTF.firstID`.
  let offsets: SharedWords
  private let named: SharedWords
  private let names: NameIndex

  private static let headerSize = 8

  /// The kinds of types that are found by name. Half of a kernel's types are functions, whose names
  /// are looked up by nobody but those who wait for a pass over all types.
  static func finds(_ kind: BTFKind) -> Bool {
    switch kind {
    case .struct, .union, .enum, .enum64, .typedef: true
    default: false
    }
  }

  /// - Parameters:
  ///   - named: places among the types of those that are found by name.
  ///   - hashes: of the names of these.
  init(offsets: [UInt32], named: [UInt32], hashes: [UInt32?]) {
    let index = NameIndex.words(hashes: hashes)
    let words = offsets.count + named.count + index.count
    let blob = SharedBytes(count: Self.headerSize + 4 * words) { writer in
      writer.append(littleEndian: [UInt32(offsets.count), UInt32(named.count)])
      writer.append(littleEndian: offsets)
      writer.append(littleEndian: named)
      writer.append(littleEndian: index)
    }
    guard let written = TypeIndex(blob) else {
      preconditionFailure("a type index of \(words) words")
    }
    self = written
  }

  /// - Returns: nil when the bytes are not an index.
  init?(_ blob: SharedBytes) {
    guard let count = blob.u32(at: 0).map(Int.init), let namedCount = blob.u32(at: 4).map(Int.init),
      let offsets = blob.slice(Self.headerSize..<Self.headerSize + 4 * count),
      let named = blob.slice(
        Self.headerSize + offsets.count..<Self.headerSize + offsets.count + 4 * namedCount),
      let words = blob.slice(Self.headerSize + offsets.count + named.count..<blob.count),
      let names = NameIndex(words, entries: namedCount)
    else { return nil }
    self.blob = blob
    self.offsets = SharedWords(offsets)
    self.named = SharedWords(named)
    self.names = names
  }

  /// Places among the types of those that may have a name with this hash, in ascending order.
  func places(hash: UInt32) -> some Sequence<Int> {
    names.entries(hash: hash).lazy.map { Int(named[$0]) }.filter { $0 < offsets.count }
  }

  /// No more bytes of a name count in its hash: of a damaged blob all types may have one name, as
  /// long as all strings.
  static let hashedBytes = 64

  static func hash(_ name: RawSpan) -> UInt32 {
    NameIndex.hash(name.extracting(first: hashedBytes))
  }
}
