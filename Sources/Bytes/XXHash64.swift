/// XXH64 of the xxHash specification (version 0.1.1, section "XXH64"): a checksum against accidents, not
/// against intent. It reads some gigabytes a second.
public enum XXHash64 {
  private static var prime1: UInt64 { 0x9e37_79b1_85eb_ca87 }
  private static var prime2: UInt64 { 0xc2b2_ae3d_27d4_eb4f }
  private static var prime3: UInt64 { 0x1656_67b1_9e37_79f9 }
  private static var prime4: UInt64 { 0x85eb_ca77_c2b2_ae63 }
  private static var prime5: UInt64 { 0x27d4_eb2f_1656_67c5 }

  public static func hash(_ bytes: SharedBytes, seed: UInt64 = 0) -> UInt64 {
    bytes.withSpan(of: 0..<bytes.count) { hash($0, seed: seed) }
  }

  public static func hash(_ bytes: RawSpan, seed: UInt64 = 0) -> UInt64 {
    let count = bytes.byteCount
    var at = 0
    var hash: UInt64
    if count >= 32 {
      var a = seed &+ prime1 &+ prime2
      var b = seed &+ prime2
      var c = seed
      var d = seed &- prime1
      while at <= count - 32 {
        // One check for four words.
        let stripe = bytes.extracting(at..<at + 32)
        a = round(a, word(stripe, 0))
        b = round(b, word(stripe, 8))
        c = round(c, word(stripe, 16))
        d = round(d, word(stripe, 24))
        at += 32
      }
      hash = rotate(a, 1) &+ rotate(b, 7) &+ rotate(c, 12) &+ rotate(d, 18)
      hash = (hash ^ round(0, a)) &* prime1 &+ prime4
      hash = (hash ^ round(0, b)) &* prime1 &+ prime4
      hash = (hash ^ round(0, c)) &* prime1 &+ prime4
      hash = (hash ^ round(0, d)) &* prime1 &+ prime4
    } else {
      hash = seed &+ prime5
    }
    hash &+= UInt64(count)
    while at <= count - 8 {
      hash = rotate(hash ^ round(0, word(bytes, at)), 27) &* prime1 &+ prime4
      at += 8
    }
    if at <= count - 4 {
      let half = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: at, as: UInt32.self)
      hash ^= UInt64(UInt32(littleEndian: half)) &* prime1
      hash = rotate(hash, 23) &* prime2 &+ prime3
      at += 4
    }
    while at < count {
      let byte = unsafe bytes.unsafeLoad(fromByteOffset: at, as: UInt8.self)
      hash = rotate(hash ^ UInt64(byte) &* prime5, 11) &* prime1
      at += 1
    }
    hash = (hash ^ hash >> 33) &* prime2
    hash = (hash ^ hash >> 29) &* prime3
    return hash ^ hash >> 32
  }

  @inline(__always)
  private static func word(_ bytes: RawSpan, _ at: Int) -> UInt64 {
    UInt64(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self))
  }

  @inline(__always)
  private static func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
    rotate(lane &+ word &* prime2, 31) &* prime1
  }

  @inline(__always)
  private static func rotate(_ value: UInt64, _ bits: UInt64) -> UInt64 {
    value << bits | value >> (64 - bits)
  }
}
