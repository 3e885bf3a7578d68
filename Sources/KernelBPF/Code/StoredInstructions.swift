import GuestScopeBytes

/// A map that a program uses, as far as its instructions may have addresses of it.
struct UsedMap: Hashable, Sendable {
  var id: UInt32
  var address: UInt64
  /// Where its only value is, of a map whose values instructions can reach; nil for any other.
  var value: Range<UInt64>?
}

/// Undoes in a program's instructions what the kernel made of them for itself, as
/// `bpf_insn_prepare_dump()` of kernel/bpf/syscall.c does for user space.
struct StoredInstructions {
  /// Indices of the first instruction of each function; empty where they are not known.
  var functionStarts: [Int]
  /// `__bpf_prog_run_args32` and so on, as calls have them: relative to `__bpf_call_base`. Nil for
  /// one that this kernel's symbols lack.
  var interpreters: [Int32?]

  /// All but the addresses of maps.
  func withoutInternals(_ stored: [BPFInstruction]) -> [BPFInstruction] {
    stored.enumerated().map { index, insn in
      var insn = insn
      switch insn.code {
      case BPFCode.tailCall:
        insn.code = BPFCode.call
        insn.imm = 12  // BPF_FUNC_tail_call
      case BPFCode.callArgs: insn = interpretedCall(insn)
      case BPFCode.call where insn.src == BPFPseudo.call: insn = subprogramCall(insn, at: index)
      default: insn.code = plainLoad(insn)
      }
      return insn
    }
  }

  /// Loads and stores that may fault are shown as any other.
  private func plainLoad(_ insn: BPFInstruction) -> UInt8 {
    let mayFault =
      switch insn.instructionClass {
      case .ldx: insn.mode == .probeMem || insn.mode == .probeMem32
      case .st, .stx: insn.mode == .probeMem32
      default: false
      }
    return mayFault ? insn.code & 0x1f | BPFMode.mem.rawValue : insn.code
  }

  // MARK: Calls of subprograms

  /// User space sees the distance to a subprogram in `off` and its index in `imm`. Kernels from 7.2
  /// on keep them the other way round and swap them here; no type says which. The starts of
  /// functions do: only one reading leads to the start of the subprogram with that index.
  private func subprogramCall(_ insn: BPFInstruction, at index: Int) -> BPFInstruction {
    guard !leads(from: index, by: Int(insn.off), to: Int(insn.imm)),
      leads(from: index, by: Int(insn.imm), to: Int(insn.off))
    else { return insn }
    var swapped = insn
    swapped.off = Int16(exactly: insn.imm) ?? 0
    swapped.imm = Int32(insn.off)
    return swapped
  }

  private func leads(from index: Int, by distance: Int, to function: Int) -> Bool {
    functionStarts.indices.contains(function) && index + 1 + distance == functionStarts[function]
  }

  /// Of a program that is interpreted, `off` is the distance and `imm` is the interpreter for the
  /// depth of the callee's stack. Kernels from 7.2 on keep the distance in `imm`, and in `off`
  /// which of the interpreters it is.
  private func interpretedCall(_ insn: BPFInstruction) -> BPFInstruction {
    var call = insn
    call.code = BPFCode.call
    guard !interpreters.contains(insn.imm), interpreters.indices.contains(Int(insn.off)) else {
      return call
    }
    call.off = Int16(exactly: insn.imm) ?? 0
    call.imm = interpreters[Int(insn.off)] ?? 0
    return call
  }

  // MARK: Maps

  /// Puts ids in the place of the addresses of maps and of their values (`bpf_map_from_imm()`).
  static func naming(_ maps: [UsedMap], in instructions: [BPFInstruction]) -> [BPFInstruction] {
    var named = instructions
    for index in instructions.indices.dropLast() where instructions[index].isWide {
      let address = instructions[index].wideNumber(instructions[index + 1])
      for map in maps {
        let offset: UInt64
        if map.address == address {
          (named[index].src, offset) = (BPFPseudo.mapFD, 0)
        } else if let value = map.value, value.contains(address) {
          (named[index].src, offset) = (BPFPseudo.mapValue, address - value.lowerBound)
        } else {
          continue
        }
        named[index].imm = Int32(bitPattern: map.id)
        named[index + 1].imm = Int32(truncatingIfNeeded: offset)
        break
      }
    }
    return named
  }
}
