import GuestScopeBytes
import Testing

@Suite struct XXHash64Tests {
  /// As xxhsum(1) and the reference implementation print them.
  @Test(arguments: [
    ("", 0xef46_db37_51d8_e999 as UInt64), ("a", 0xd24e_c4f1_a98c_6e5b),
    ("abc", 0x44bc_2cf5_ad77_0999),
    ("Nobody inspects the spammish repetition", 0xfbce_a83c_8a37_8bf1),
  ])
  func knownHashes(text: String, hash: UInt64) {
    #expect(XXHash64.hash(SharedBytes(Array(text.utf8))) == hash)
  }

  @Test func everyBitCounts() {
    for count in [1, 3, 4, 7, 8, 31, 32, 33, 95] {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 37) }
      var hashes: Set = [XXHash64.hash(SharedBytes(bytes))]
      for bit in 0..<8 * count {
        var changed = bytes
        changed[bit / 8] ^= 1 << (bit % 8)
        hashes.insert(XXHash64.hash(SharedBytes(changed)))
      }
      #expect(hashes.count == 8 * count + 1)
    }
  }
}
