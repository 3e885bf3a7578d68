import GuestScopeBytes

// Jumps and calls.
extension BPFDisassembler {
  private static let comparisons: [UInt8: String] = [
    0x00: "jmp", 0x10: "==", 0x20: ">", 0x30: ">=", 0x40: "&", 0x50: "!=", 0x60: "s>", 0x70: "s>=",
    0x80: "call", 0x90: "exit", 0xa0: "<", 0xb0: "<=", 0xc0: "s<", 0xd0: "s<=",
  ]
  private static let callOperation: UInt8 = 0x80
  /// `BPF_JMP | BPF_JCOND` of include/uapi/linux/bpf.h; a `src` of 0 is BPF_MAY_GOTO.
  private static let conditional: UInt8 = 0xe5

  func jump(_ insn: BPFInstruction) -> String? {
    if insn.operation == Self.callOperation { return call(insn) }
    switch insn.code {
    // BPF_JMP | BPF_JA; with BPF_X since 6.19; BPF_JMP32 | BPF_JA
    case 0x05: return "goto pc\(insn.off.withSign)"
    case 0x0d: return "gotox r\(insn.dst)"
    case 0x06: return "gotol pc\(insn.imm.withSign)"
    case 0x95: return "exit"
    case Self.conditional where insn.src == 0: return "may_goto pc\(insn.off.withSign)"
    default: break
    }
    guard let comparison = Self.comparisons[insn.operation] else { return nil }
    let insnClass = insn.instructionClass
    let other =
      insn.usesRegister
      ? Self.register(insn.src, insnClass) : UInt32(bitPattern: insn.imm).hex
    return "if \(Self.register(insn.dst, insnClass)) \(comparison) \(other) goto pc"
      + insn.off.withSign
  }

  private func call(_ insn: BPFInstruction) -> String {
    insn.src == BPFPseudo.call
      ? "call pc" + callee(insn) : "call \(callee(insn))#\(insn.imm)"
  }
}
