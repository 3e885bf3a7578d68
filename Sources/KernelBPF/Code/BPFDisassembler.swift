import GuestScopeBytes

/// The text of BPF instructions, as `print_bpf_insn()` of kernel/bpf/disasm.c writes it for
/// bpftool: `(bf) r6 = r1`.
public struct BPFDisassembler {
  /// What is called, of an instruction that calls: a name, or for a subprogram what stands after `pc`.
  var callee: (BPFInstruction) -> String

  public init(callee: @escaping (BPFInstruction) -> String) { self.callee = callee }

  /// - Parameter next: the second slot of an instruction that takes two.
  public func text(_ insn: BPFInstruction, _ next: BPFInstruction? = nil) -> String {
    let text =
      switch insn.instructionClass {
      case .alu, .alu64: arithmetic(insn)
      case .stx: storeOfRegister(insn)
      case .st: storeOfNumber(insn)
      case .ldx: load(insn)
      case .ld: specialLoad(insn, next)
      case .jmp, .jmp32: jump(insn)
      }
    return text.map { "(\(UInt64(insn.code).paddedHex(2))) " + $0 } ?? Self.unknown(insn)
  }

  /// What no program has that the verifier let through.
  private static func unknown(_ insn: BPFInstruction) -> String {
    let kind =
      switch insn.instructionClass {
      case .stx: ""
      case .st: "st_"
      case .ldx: "ldx_"
      case .ld: "ld_"
      case .alu, .alu64: "alu_"
      case .jmp, .jmp32: "jmp_"
      }
    return "BUG_\(kind)\(UInt64(insn.code).paddedHex(2))"
  }

  /// The low 32 bits of a register are `w1`, all of it is `r1`.
  static func register(_ number: UInt8, _ insnClass: BPFClass) -> String {
    (insnClass == .alu || insnClass == .jmp32 ? "w" : "r") + "\(number)"
  }
}

extension BinaryInteger {
  /// `%+d` of printf.
  var withSign: String { self < 0 ? "\(self)" : "+\(self)" }
}

// MARK: Arithmetic

extension BPFDisassembler {
  private static let operators: [UInt8: String] = [
    0x00: "+=", 0x10: "-=", 0x20: "*=", 0x30: "/=", 0x40: "|=", 0x50: "&=", 0x60: "<<=",
    0x70: ">>=", 0x90: "%=", 0xa0: "^=", 0xb0: "=", 0xc0: "s>>=",
  ]
  private static let (div, neg, mod, mov, end) = (
    UInt8(0x30), UInt8(0x80), UInt8(0x90), UInt8(0xb0), UInt8(0xd0)
  )
  /// BPF_ADDR_SPACE_CAST of include/uapi/linux/bpf.h, and BPF_ADDR_PERCPU of include/linux/filter.h:
  /// what `off` of a move may say.
  private static let (addressSpaceCast, perCPUAddress) = (Int16(1), Int16(-1))

  static func operation(_ op: UInt8) -> String? { operators[op] }

  fileprivate func arithmetic(_ insn: BPFInstruction) -> String? {
    let insnClass = insn.instructionClass
    let dst = Self.register(insn.dst, insnClass)
    if insn.operation == Self.end { return byteSwap(insn) }
    if insn.operation == Self.neg { return "\(dst) = -\(dst)" }
    if insn.code == BPFCode.move, insn.off == Self.addressSpaceCast {
      let spaces = UInt32(bitPattern: insn.imm)
      return "\(dst) = addr_space_cast(r\(insn.src), \(spaces >> 16), \(spaces & 0xffff))"
    }
    if insn.code == BPFCode.move, insn.off == Self.perCPUAddress {
      return "\(dst) = &(void __percpu *)(r\(insn.src))"
    }
    guard var op = Self.operators[insn.operation] else { return nil }
    if insn.off == 1, insn.operation == Self.div || insn.operation == Self.mod { op = "s" + op }
    guard insn.usesRegister else { return "\(dst) \(op) \(insn.imm)" }
    return "\(dst) \(op) \(signExtension(insn))\(Self.register(insn.src, insnClass))"
  }

  private func byteSwap(_ insn: BPFInstruction) -> String {
    let order = insn.instructionClass == .alu64 ? "bswap" : insn.usesRegister ? "be" : "le"
    return "r\(insn.dst) = \(order)\(insn.imm) r\(insn.dst)"
  }

  /// A move may extend the sign of a narrower number: `off` has its bits.
  private func signExtension(_ insn: BPFInstruction) -> String {
    guard insn.operation == Self.mov, [8, 16, 32].contains(insn.off) else { return "" }
    return "(s\(insn.off))"
  }
}
