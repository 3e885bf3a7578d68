import Glibc

/// How full a bloom filter is.
public struct BloomFill: Hashable, Sendable {
  public var bits: UInt64
  /// Bits that are 1.
  public var set: UInt64
  /// Bits that an element sets, some of which may be the same.
  public var hashes: UInt32

  public init(bits: UInt64, set: UInt64, hashes: UInt32) {
    (self.bits, self.set, self.hashes) = (bits, set, hashes)
  }

  /// How many different elements were most likely added; nil for a filter whose bits are all set, which
  /// any number may have done.
  public var estimate: UInt64? {
    guard set < bits, hashes > 0 else { return nil }
    // Each of n elements leaves a bit 0 with a probability of (1 - 1/bits)^hashes.
    let zeros = 1 - Double(set) / Double(bits)
    return UInt64((-Double(bits) / Double(hashes) * log(zeros)).rounded())
  }

  /// The share of values that were never added and are nevertheless found, from 0 to 1.
  public var falsePositives: Double {
    pow(Double(set) / Double(max(bits, 1)), Double(hashes))
  }
}
