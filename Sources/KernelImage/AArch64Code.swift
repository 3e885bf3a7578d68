import GuestScopeBytes

/// Which addresses an AArch64 function names, read from its instructions. Arm ARM (DDI 0487) C6.
struct AArch64Code {
  let region: MemoryRegion

  /// Bytes of a function that are looked at: far more than those that are asked for have.
  static let limit = 4096

  /// The addresses that the code between two addresses forms with ADR, or with ADRP and what ADDs
  /// and a load add to it. Compilers reach neighbours by a second ADD (-fsection-anchors).
  ///
  /// Code is read in order and jumps are not followed, so a pair may be put together that no run
  /// of the function ever does: the caller has to check what it finds.
  func references(from first: UInt64, to last: UInt64) -> Set<UInt64> {
    var references: Set<UInt64> = []
    /// The registers whose contents are known.
    var registers: [UInt32: UInt64] = [:]
    for address in stride(from: first, to: min(last, first &+ UInt64(Self.limit)), by: 4) {
      guard let word = region.offset(of: address).flatMap({ region.bytes.u32(at: $0) }) else {
        break
      }
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
