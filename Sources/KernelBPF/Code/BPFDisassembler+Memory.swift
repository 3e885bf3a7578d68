import GuestScopeBytes

// Loads and stores.
extension BPFDisassembler {
  private static let sizes = ["u32", "u16", "u8", "u64"]

  /// `*(u32 *)(r1 +8)`
  private static func place(_ insn: BPFInstruction, _ register: UInt8) -> String {
    "*" + pointer(insn, register)
  }

  private static func pointer(_ insn: BPFInstruction, _ register: UInt8) -> String {
    "(\(sizes[insn.sizeIndex]) *)(r\(register) \(insn.off.withSign))"
  }

  func load(_ insn: BPFInstruction) -> String? {
    switch insn.mode {
    case .mem: return "r\(insn.dst) = " + Self.place(insn, insn.src)
    case .memsx where Self.sizes[insn.sizeIndex] != "u64":
      let size = "s" + Self.sizes[insn.sizeIndex].dropFirst()
      return "r\(insn.dst) = *(\(size) *)(r\(insn.src) \(insn.off.withSign))"
    default: return nil
    }
  }

  func storeOfNumber(_ insn: BPFInstruction) -> String? {
    switch insn.mode {
    case .mem: return Self.place(insn, insn.dst) + " = \(insn.imm)"
    // BPF_NOSPEC of include/linux/filter.h has the number of atomic operations.
    case .atomic: return "nospec"
    default: return nil
    }
  }

  func storeOfRegister(_ insn: BPFInstruction) -> String? {
    switch insn.mode {
    case .mem: return Self.place(insn, insn.dst) + " = r\(insn.src)"
    case .atomic: return atomic(insn)
    default: return nil
    }
  }

  /// `imm` says which operation. BPF_FETCH is its lowest bit: `src` gets the old value.
  private func atomic(_ insn: BPFInstruction) -> String? {
    let wide = Self.sizes[insn.sizeIndex] == "u64" ? "64" : ""
    let pointer = Self.pointer(insn, insn.dst)
    switch insn.imm {
    case 0x00, 0x40, 0x50, 0xa0:
      let op = Self.operation(UInt8(insn.imm)) ?? ""
      return "lock \(Self.place(insn, insn.dst)) \(op) r\(insn.src)"
    case 0x01, 0x41, 0x51, 0xa1:
      let op = [0x01: "add", 0x41: "or", 0x51: "and"][insn.imm] ?? "xor"
      return "r\(insn.src) = atomic\(wide)_fetch_\(op)(\(pointer), r\(insn.src))"
    // BPF_CMPXCHG
    case 0xf1: return "r0 = atomic\(wide)_cmpxchg(\(pointer), r0, r\(insn.src))"
    // BPF_XCHG
    case 0xe1: return "r\(insn.src) = atomic\(wide)_xchg(\(pointer), r\(insn.src))"
    // BPF_LOAD_ACQ, BPF_STORE_REL
    case 0x100: return "r\(insn.dst) = load_acquire(\(Self.pointer(insn, insn.src)))"
    case 0x110: return "store_release(\(pointer), r\(insn.src))"
    default: return nil
    }
  }

  /// Of packets, which the verifier has rewritten in most programs, and of numbers of 64 bits.
  func specialLoad(_ insn: BPFInstruction, _ next: BPFInstruction?) -> String? {
    let size = Self.sizes[insn.sizeIndex]
    switch insn.mode {
    case .abs: return "r0 = *(\(size) *)skb[\(insn.imm)]"
    case .ind: return "r0 = *(\(size) *)skb[r\(insn.src) + \(insn.imm)]"
    case .imm where insn.isWide:
      return "r\(insn.dst) = " + Self.number(insn, next ?? BPFInstruction(code: 0))
    default: return nil
    }
  }

  /// `print_imm()` of tools/bpf/bpftool/xlated_dumper.c.
  private static func number(_ insn: BPFInstruction, _ next: BPFInstruction) -> String {
    switch insn.src {
    case BPFPseudo.mapFD: return "map[id:\(insn.imm)]"
    case BPFPseudo.mapValue: return "map[id:\(insn.imm)][0]+\(next.imm)"
    case BPFPseudo.mapIndexValue: return "map[idx:\(insn.imm)]+\(next.imm)"
    case BPFPseudo.function: return "subprog[\(insn.imm.withSign)]"
    default: return insn.wideNumber(next).hex
    }
  }
}

extension BPFInstruction {
  /// The number of 64 bits that an instruction of two slots loads.
  func wideNumber(_ next: BPFInstruction) -> UInt64 {
    UInt64(UInt32(bitPattern: next.imm)) << 32 | UInt64(UInt32(bitPattern: imm))
  }
}
