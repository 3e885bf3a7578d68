import GuestScopeBytes

/// The 256 strings that kallsyms names are made of: `kallsyms_token_table` and
/// `kallsyms_token_index` (scripts/kallsyms.c).
struct TokenTable: Sendable {
  /// The table and its index in the region's bytes.
  let range: Range<Int>
  /// Where each token begins in the region's bytes, and one more after the last; a NUL ends each.
  private let starts: [Int]

  /// The bytes of a token in the region's bytes.
  subscript(token: UInt8) -> Range<Int> { starts[Int(token)]..<starts[Int(token) + 1] - 1 }

  static let count = 256
  /// Bytes that table and index take at most in practice: tokens are short.
  static let maxSize = 0x1200

  /// The table that begins at an offset, or nil when there is none.
  init?(in region: MemoryRegion, at start: Int) {
    guard start >= 0 else { return nil }
    var starts: [Int] = [start]
    starts.reserveCapacity(Self.count + 1)
    var at = start
    while starts.count <= Self.count {
      // Tokens are short; this bounds the walk over bytes that are not a table.
      guard at < region.end, at - starts[starts.count - 1] < 256 else { return nil }
      if region.bytes[at] == 0 { starts.append(at + 1) }
      at += 1
    }
    // token_index is aligned to 4 bytes from kernel 7.0 on, to 8 before.
    for alignment in [4, 8] {
      let index = region.aligned(at, to: alignment)
      let end = index + 2 * Self.count
      guard end <= region.end else { continue }
      let matches = (0..<Self.count).allSatisfy {
        region.bytes.u16(at: index + 2 * $0).map(Int.init) == starts[$0] - start
      }
      if matches {
        range = start..<end
        self.starts = starts
        return
      }
    }
    return nil
  }

  /// The first table in a region.
  ///
  /// Every kernel has symbols with digits in them, and a character that is in use is its own token.
  static func find(in region: MemoryRegion) -> TokenTable? {
    let digits = Array("0\u{0}1\u{0}2\u{0}3\u{0}4\u{0}5\u{0}6\u{0}7\u{0}8\u{0}9\u{0}".utf8)
    let zero = 0x30
    // A window of 4 bytes at every 16th byte is enough to meet the 20 bytes of the digits.
    for probe in stride(from: 0, to: region.end - 3, by: 16) {
      guard let word = region.bytes.u32(at: probe),
        let start = startOfDigits(word, at: probe), start >= 0,
        let here = region.bytes.bytes(at: start, count: digits.count), here.elementsEqual(digits)
      else { continue }
      // The index says how far the token "0" is from the table's start, but its place depends on
      // the start: count the strings after "0" to reach it.
      guard let afterLast = skip(TokenTable.count - zero, stringsFrom: start, in: region) else {
        continue
      }
      for alignment in [4, 8] {
        let index = region.aligned(afterLast, to: alignment)
        guard let back = region.bytes.u16(at: index + 2 * zero),
          let table = TokenTable(in: region, at: start - Int(back))
        else { continue }
        return table
      }
    }
    return nil
  }

  /// Where "0\0" begins when these 4 bytes at `offset` are from the middle of "0\0", "1\0" … "9\0".
  private static func startOfDigits(_ word: UInt32, at offset: Int) -> Int? {
    let even = word & 0xff00_ff00 == 0
    guard even || word & 0x00ff_00ff == 0 else { return nil }
    let digit = (even ? word : word >> 8) & 0xff
    guard (0x30...0x38).contains(digit), (even ? word >> 16 : word >> 24) == digit + 1 else {
      return nil
    }
    return offset - 2 * Int(digit - 0x30) + (even ? 0 : 1)
  }

  private static func skip(_ count: Int, stringsFrom start: Int, in region: MemoryRegion) -> Int? {
    var at = start
    var left = count
    while left > 0 {
      guard at < region.end, at - start < 256 * TokenTable.count else { return nil }
      if region.bytes[at] == 0 { left -= 1 }
      at += 1
    }
    return at
  }
}
