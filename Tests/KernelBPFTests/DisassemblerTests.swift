import GuestScopeKernelBPF
import Testing

/// Instructions as they are in memory, lowest byte first, and their text in kernel/bpf/disasm.c.
@Suite struct DisassemblerTests {
  static let instructions: [(bytes: UInt64, text: String)] = [
    // code, registers, off, imm, from the right: 0xIIIIIIII_OOOO_SD_CC
    // Arithmetic.
    (0x0000_0000_0000_61_bf, "(bf) r1 = r6"),
    (0x0000_0000_0000_21_bc, "(bc) w1 = w2"),
    (0xffff_fffc_0000_02_07, "(07) r2 += -4"),
    (0x0000_0018_0000_03_64, "(64) w3 <<= 24"),
    (0x0000_0018_0000_03_c4, "(c4) w3 s>>= 24"),
    (0x0000_0003_0000_01_77, "(77) r1 >>= 3"),
    (0x0000_0000_0000_32_1f, "(1f) r2 -= r3"),
    (0x0000_0000_0000_20_2c, "(2c) w0 *= w2"),
    (0x0000_0007_0000_01_37, "(37) r1 /= 7"),
    (0x0000_0007_0001_01_37, "(37) r1 s/= 7"),
    (0x0000_0000_0001_21_9c, "(9c) w1 s%= w2"),
    (0x0000_0000_0000_21_4f, "(4f) r1 |= r2"),
    (0x0000_000f_0000_01_57, "(57) r1 &= 15"),
    (0x0000_0000_0000_21_ac, "(ac) w1 ^= w2"),
    (0x0000_0000_0000_01_87, "(87) r1 = -r1"),
    (0x0000_0000_0000_01_84, "(84) w1 = -w1"),
    // Extension of the sign, bytes in another order, other address spaces.
    (0x0000_0000_0008_21_bf, "(bf) r1 = (s8)r2"),
    (0x0000_0000_0020_21_bf, "(bf) r1 = (s32)r2"),
    (0x0000_0000_0010_21_bc, "(bc) w1 = (s16)w2"),
    (0x0000_0020_0000_01_d4, "(d4) r1 = le32 r1"),
    (0x0000_0010_0000_01_dc, "(dc) r1 = be16 r1"),
    (0x0000_0040_0000_01_d7, "(d7) r1 = bswap64 r1"),
    (0x0000_0001_0001_32_bf, "(bf) r2 = addr_space_cast(r3, 0, 1)"),
    (0x0001_0000_0001_32_bf, "(bf) r2 = addr_space_cast(r3, 1, 0)"),
    (0x0000_0000_ffff_00_bf, "(bf) r0 = &(void __percpu *)(r0)"),
    // Loads.
    (0x0000_0000_06cc_21_61, "(61) r1 = *(u32 *)(r2 +1740)"),
    (0x0000_0000_fff8_a3_79, "(79) r3 = *(u64 *)(r10 -8)"),
    (0x0000_0000_0000_a3_71, "(71) r3 = *(u8 *)(r10 +0)"),
    (0x0000_0000_0002_a3_69, "(69) r3 = *(u16 *)(r10 +2)"),
    (0x0000_0000_0004_21_81, "(81) r1 = *(s32 *)(r2 +4)"),
    (0x0000_0000_0004_21_89, "(89) r1 = *(s16 *)(r2 +4)"),
    (0x0000_0000_0004_21_91, "(91) r1 = *(s8 *)(r2 +4)"),
    (0x0000_0009_0000_00_30, "(30) r0 = *(u8 *)skb[9]"),
    (0x0000_0002_0000_70_48, "(48) r0 = *(u16 *)skb[r7 + 2]"),
    // Stores.
    (0x0000_0000_fff0_1a_7b, "(7b) *(u64 *)(r10 -16) = r1"),
    (0xffff_fffb_fff8_0a_7a, "(7a) *(u64 *)(r10 -8) = -5"),
    (0x0000_0000_0000_00_c2, "(c2) nospec"),
    (0x0000_0000_0000_12_db, "(db) lock *(u64 *)(r2 +0) += r1"),
    (0x0000_00a0_0008_12_c3, "(c3) lock *(u32 *)(r2 +8) ^= r1"),
    (0x0000_0001_0000_36_db, "(db) r3 = atomic64_fetch_add((u64 *)(r6 +0), r3)"),
    (0x0000_0051_0000_36_c3, "(c3) r3 = atomic_fetch_and((u32 *)(r6 +0), r3)"),
    (0x0000_00e1_0000_76_db, "(db) r7 = atomic64_xchg((u64 *)(r6 +0), r7)"),
    (0x0000_00f1_0000_98_c3, "(c3) r0 = atomic_cmpxchg((u32 *)(r8 +0), r0, r9)"),
    (0x0000_0100_fff8_a2_db, "(db) r2 = load_acquire((u64 *)(r10 -8))"),
    (0x0000_0110_fff8_1a_c3, "(c3) store_release((u32 *)(r10 -8), r1)"),
    // Jumps.
    (0x0000_0000_001e_00_05, "(05) goto pc+30"),
    (0xffff_fff6_0000_00_06, "(06) gotol pc-10"),
    (0x0000_0000_0000_04_0d, "(0d) gotox r4"),
    (0x0000_0000_fffe_00_e5, "(e5) may_goto pc-2"),
    (0x0000_0001_fff6_01_16, "(16) if w1 == 0x1 goto pc-10"),
    (0xffff_fff9_0001_01_65, "(65) if r1 s> 0xfffffff9 goto pc+1"),
    (0x0000_0000_0003_21_3d, "(3d) if r1 >= r2 goto pc+3"),
    (0x0000_0000_0003_21_ae, "(ae) if w1 < w2 goto pc+3"),
    (0x0000_0040_0003_01_45, "(45) if r1 & 0x40 goto pc+3"),
    (0x0000_0000_0000_00_95, "(95) exit"),
    (0x0000_0006_0000_00_85, "(85) call target#6"),
    (0x0000_0006_0000_20_85, "(85) call target#6"),
    (0x0000_0001_0006_10_85, "(85) call pctarget"),
    // What the verifier lets through in no program.
    (0x0000_0000_0000_00_e3, "BUG_e3"),
    (0x0000_0009_0000_00_db, "BUG_db"),
    (0x0000_0000_0000_00_42, "BUG_st_42"),
    (0x0000_0000_0000_00_99, "BUG_ldx_99"),
    (0x0000_0000_0000_00_20, "(20) r0 = *(u32 *)skb[0]"),
    (0x0000_0000_0000_00_00, "BUG_ld_00"),
    (0x0000_0000_0000_00_f7, "BUG_alu_f7"),
    (0x0000_0000_0000_10_e5, "BUG_jmp_e5"),
  ]

  private let disassembler = BPFDisassembler { _ in "target" }

  @Test(arguments: instructions)
  func anInstructionHasItsText(bytes: UInt64, text: String) {
    #expect(disassembler.text(BPFInstruction(bytes)) == text)
  }

  @Test(arguments: [
    (0x0000_0005, 0x1_0000_0000, 0x18, "(18) r2 = 0x100000005"),
    (0x0000_0007, 0, 0x1_18, "(18) r2 = map[id:7]"),
    (0x0000_0007, 24, 0x2_18, "(18) r2 = map[id:7][0]+24"),
    (0x0000_0009, 1, 0x4_18, "(18) r2 = subprog[+9]"),
    (-3, 1, 0x4_18, "(18) r2 = subprog[-3]"),
    (2, 8, 0x6_18, "(18) r2 = map[idx:2]+8"),
  ])
  func aNumberOf64BitsTakesTwoSlots(imm: Int32, upper: Int64, code: Int, text: String) {
    let insn = BPFInstruction(code: UInt8(code & 0xff), dst: 2, src: UInt8(code >> 8), imm: imm)
    let next = BPFInstruction(
      code: 0, imm: Int32(truncatingIfNeeded: upper > 0xffff ? upper >> 32 : upper))
    #expect(disassembler.text(insn, next) == text)
  }

  /// Registers, sizes and modes in all combinations, sane or not.
  @Test func everyOpcodeHasAText() {
    for code in 0...255 as ClosedRange<UInt64> {
      for rest in [0, 0xffff_ffff_ffff_ff00, 0x8000_0000_8000_1100] as [UInt64] {
        let text = disassembler.text(BPFInstruction(rest | code))
        #expect(text.hasPrefix("(") || text.hasPrefix("BUG_"), "\(code)")
      }
    }
  }

  @Test func anInstructionKeepsItsBytes() {
    for word in Self.instructions.map(\.bytes) + [0x0123_4567_89ab_cdef] {
      let insn = BPFInstruction(word)
      #expect(insn.word == word)
      #expect(BPFInstruction.all(in: insn.bytes + [1, 2, 3]) == [insn])
    }
  }
}
