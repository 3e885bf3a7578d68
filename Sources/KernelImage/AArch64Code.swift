import GuestScopeBytes

/// Which addresses an AArch64 function names, read from its instructions. Arm ARM (DDI 0487) C6.
package struct AArch64Code {
  let image: ImagePieces

  package init(_ image: ImagePieces) { self.image = image }

  /// Bytes of a function that are looked at: far more than those that are asked for have.
  static let limit: UInt64 = 4096

  /// The addresses that code forms with ADR, or with ADRP and what ADDs
  /// and a load add to it. Compilers reach neighbours by a second ADD (-fsection-anchors).
  ///
  /// Code is read in order and jumps are not followed, so a pair may be put together that no run
  /// of the function ever does: the caller has to check what it finds.
  package func references(in code: Range<UInt64>) -> Set<UInt64> {
    var references: Set<UInt64> = []
    /// The registers whose contents are known.
    var registers: [UInt32: UInt64] = [:]
    guard let bytes = image.bytes(at: code.lowerBound, count: code.count) else { return [] }
    for at in stride(from: 0, to: bytes.count - 3, by: 4) {
      guard let word = bytes.u32(at: at) else { break }
      let address = code.lowerBound &+ UInt64(at)
      let target = word & 0x1f
      let base = registers[word >> 5 & 0x1f]
      let immediate = UInt64(word >> 10 & 0xfff)
      // Most instructions that write a register have it there; for the others it costs nothing but
      // what the register held.
      registers[target] = nil
      switch word {
      case _ where word & 0x9f00_0000 == 0x9000_0000:  // ADRP
        registers[target] = address & ~0xfff &+ Self.relative(word) << 12
      case _ where word & 0x9f00_0000 == 0x1000_0000:  // ADR
        registers[target] = address &+ Self.relative(word)
        references.insert(address &+ Self.relative(word))
      case _ where word & 0xffc0_0000 == 0x9100_0000:  // ADD Xd, Xn, #imm
        guard let base else { break }
        registers[target] = base &+ immediate
        references.insert(base &+ immediate)
      case _ where word & 0xbfc0_0000 == 0xb940_0000:  // LDR Wt or Xt, [Xn, #imm]
        guard let base else { break }
        // The immediate counts words of the register's size.
        references.insert(base &+ immediate << UInt64(word >> 30))
      case _ where word & 0xfc00_0000 == 0x9400_0000 || word & 0xffff_fc1f == 0xd63f_0000:
        // BL and BLR: a call keeps x19 to x29 only.
        registers = registers.filter { (19...29).contains($0.key) }
      default: break
      }
    }
    return references
  }

  /// immhi:immlo, signed.
  private static func relative(_ word: UInt32) -> UInt64 {
    let value = Int64(word >> 5 & 0x7_ffff) << 2 | Int64(word >> 29 & 3)
    return UInt64(bitPattern: (value << 43) >> 43)
  }
}
