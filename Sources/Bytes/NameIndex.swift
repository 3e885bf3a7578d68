/// Finds entries by their names in constant time, as `DT_HASH` of ELF does it: a bucket has the first
/// entry of its hashes, and each entry the next one of its bucket, in ascending order. The names lie
/// elsewhere, and the caller compares them.
public struct NameIndex: Sendable {
  /// Numbers of entries plus 1; 0 is the end.
  private let buckets: SharedWords
  private let chains: SharedWords

  /// The number of words in an index with this number of entries: the buckets, whose number is a
  /// power of 2, and then the chains.
  public static func wordCount(entries: Int) -> Int { bucketCount(entries) + entries }

  private static func bucketCount(_ entries: Int) -> Int {
    var buckets = 1
    while buckets < entries { buckets *= 2 }
    return buckets
  }

  /// The words of the index of entries with these hashes; nil stands for an entry that nobody looks
  /// up.
  public static func words(hashes: [UInt32?]) -> [UInt32] {
    let buckets = bucketCount(hashes.count)
    var words = [UInt32](repeating: 0, count: buckets + hashes.count)
    // From the last entry on, for each becomes the first of its bucket.
    for (entry, hash) in hashes.enumerated().reversed() {
      guard let hash else { continue }
      let bucket = Int(hash) & (buckets - 1)
      words[buckets + entry] = words[bucket]
      words[bucket] = UInt32(entry + 1)
    }
    return words
  }

  /// Reads the index out of words that `words(hashes:)` has made; nil where their number is not that of
  /// an index with this number of entries. Their contents are not trusted: damaged words may give an entry of
  /// another name, but never one that does not exist.
  public init?(_ words: SharedBytes, entries: Int) {
    let bucketBytes = 4 * Self.bucketCount(entries)
    guard words.count == bucketBytes + 4 * entries, let buckets = words.slice(0..<bucketBytes),
      let chains = words.slice(bucketBytes..<words.count)
    else { return nil }
    self.buckets = SharedWords(buckets)
    self.chains = SharedWords(chains)
  }

  /// The entries that may have a name with this hash, in ascending order.
  public func entries(hash: UInt32) -> some Sequence<Int> {
    let first = Int(buckets[Int(hash) & (buckets.count - 1)]) - 1
    return sequence(state: first) { [chains] next -> Int? in
      let entry = next
      guard entry >= 0, entry < chains.count else { return nil }
      let following = Int(chains[entry]) - 1
      // Damaged chains end, too.
      next = following > entry ? following : -1
      return entry
    }
  }

  /// The hash of a name.
  @inlinable
  public static func hash(_ name: RawSpan) -> UInt32 {
    let (factor, count): (UInt64, Int) = (0x9e37_79b9_7f4a_7c15, name.byteCount)
    var hash = UInt64(count) &* factor
    var at = 0
    while at <= count - 8 {
      let word = unsafe name.unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self)
      hash = (hash ^ UInt64(littleEndian: word)) &* factor
      hash ^= hash >> 32
      at += 8
    }
    var rest: UInt64 = 0
    while at < count {
      rest = rest << 8 | UInt64(unsafe name.unsafeLoad(fromByteOffset: at, as: UInt8.self))
      at += 1
    }
    hash = (hash ^ rest) &* factor
    return UInt32(truncatingIfNeeded: hash >> 32)
  }
}
