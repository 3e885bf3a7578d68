import GuestScopeBytes

extension [UInt8] {
  /// `jhash()` of include/linux/jhash.h. On a little-endian machine `jhash2()` of the same bytes is
  /// the same.
  func jenkinsHash(initial: UInt32) -> UInt32 {
    // JHASH_INITVAL
    let start = 0xdead_beef &+ UInt32(truncatingIfNeeded: count) &+ initial
    var (a, b, c) = (start, start, start)
    var at = 0
    while count - at > 12 {
      a = a &+ u32(at: at)!
      b = b &+ u32(at: at + 4)!
      c = c &+ u32(at: at + 8)!
      // __jhash_mix()
      a = (a &- c) ^ c.rotated(4)
      c = c &+ b
      b = (b &- a) ^ a.rotated(6)
      a = a &+ c
      c = (c &- b) ^ b.rotated(8)
      b = b &+ a
      a = (a &- c) ^ c.rotated(16)
      c = c &+ b
      b = (b &- a) ^ a.rotated(19)
      a = a &+ c
      c = (c &- b) ^ b.rotated(4)
      b = b &+ a
      at += 12
    }
    guard at < count else { return c }
    let last = Array(self[at...]) + [UInt8](repeating: 0, count: 12 - (count - at))
    a = a &+ last.u32(at: 0)!
    b = b &+ last.u32(at: 4)!
    c = c &+ last.u32(at: 8)!
    // __jhash_final()
    c = (c ^ b) &- b.rotated(14)
    a = (a ^ c) &- c.rotated(11)
    b = (b ^ a) &- a.rotated(25)
    c = (c ^ b) &- b.rotated(16)
    a = (a ^ c) &- c.rotated(4)
    b = (b ^ a) &- a.rotated(14)
    return (c ^ b) &- b.rotated(24)
  }
}

extension UInt32 {
  /// `rol32()`
  fileprivate func rotated(_ bits: UInt32) -> UInt32 { self << bits | self >> (32 - bits) }
}
