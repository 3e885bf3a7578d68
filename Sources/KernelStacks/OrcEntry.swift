import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct orc_entry` of arch/x86/include/asm/orc_types.h.
struct OrcEntryStruct: KernelStruct {
  static let kernelName = "orc_entry"
  let spOffset = Member<Int16>("sp_offset")
  let bpOffset = Member<Int16>("bp_offset")
  let spReg = Member<UInt8>("sp_reg")
  let bpReg = Member<UInt8>("bp_reg")
  let type = Member<UInt8>("type")
  /// Up to 6.3; since (commit fb799447ae29) there are types of entries for what it said.
  let end = OptionalMember<UInt8>("end")
  /// Since 6.3 (commit ffb1b4a41016).
  let signal = OptionalMember<UInt8>("signal")
}

/// How the caller of a function is found, from one instruction of the function on.
struct OrcEntry: Hashable, Sendable {
  /// What an address is counted from, or is read from.
  enum Base: Hashable, Sendable {
    case sp, bp
    /// The address is what the stack has there.
    case spIndirect, bpIndirect
    case r10, r13, di, dx, ax
    /// The stack pointer of the caller.
    case previousSP
    /// For the stack pointer: there is none. For the frame pointer: it stays as it is.
    case undefined
    case unknown(UInt8)
  }

  enum Kind: Hashable, Sendable {
    /// Nothing is known of the stack here.
    case undefined
    /// The code has no caller.
    case outermost
    /// A return address is below the caller's stack pointer.
    case call
    /// A `struct pt_regs` is there, or only the end of one, which the CPU itself has saved.
    case registers, interruptFrame
    case unknown(UInt8)
  }

  var sp: Base
  var spOffset: Int
  var bp: Base
  var bpOffset: Int
  var kind: Kind
  /// The caller was interrupted; nil where the kind says it.
  var isSignal: Bool?

  /// `orc_fp_entry`: of code that keeps a frame pointer, as BPF's does.
  static let framePointer = OrcEntry(
    sp: .bp, spOffset: 16, bp: .previousSP, bpOffset: -16, kind: .call)

  /// `null_orc_entry`: a call of address 0.
  static let null = OrcEntry(sp: .sp, spOffset: 8, bp: .undefined, bpOffset: 0, kind: .call)
}

/// Which numbers stand for which registers in `struct orc_entry`: the kernel's types do not say
/// it.
enum OrcNumbering: Hashable, Sendable {
  /// ORC_REG_SP is 5.
  case first
  /// ORC_REG_SP is 3, and the others are in the order of the CPU's own numbers.
  case byRegister

  /// - Parameter entry: that of the first instruction of a function, where the stack pointer alone
  ///   leads to the caller.
  init?(firstEntry entry: KernelObject<OrcEntryStruct>) {
    guard entry.spOffset == 8, entry.bpReg == 0 else { return nil }
    switch entry.spReg {
    case 5: self = .first
    case 3: self = .byRegister
    default: return nil
    }
  }

  func base(_ number: UInt8) -> OrcEntry.Base {
    let bases: [OrcEntry.Base] =
      switch self {
      // Newer kernels, and updates of older ones, have number 10.
      case .first:
        [.undefined, .previousSP, .dx, .di, .bp, .sp, .r10, .r13, .bpIndirect, .spIndirect, .ax]
      case .byRegister:
        [.undefined, .ax, .dx, .sp, .bp, .di, .r10, .r13, .previousSP, .spIndirect, .bpIndirect]
      }
    return Int(number) < bases.count ? bases[Int(number)] : .unknown(number)
  }
}

extension OrcEntry {
  init(_ entry: KernelObject<OrcEntryStruct>, _ numbering: OrcNumbering) {
    sp = numbering.base(entry.spReg)
    bp = numbering.base(entry.bpReg)
    (spOffset, bpOffset) = (Int(entry.spOffset), Int(entry.bpOffset))
    isSignal = entry.signal.map { $0 != 0 }
    if let end = entry.end {
      switch entry.type {
      case _ where sp == .undefined: kind = end != 0 ? .outermost : .undefined
      case 0: kind = .call
      case 1: kind = .registers
      case 2: kind = .interruptFrame
      default: kind = .unknown(entry.type)
      }
    } else {
      let kinds: [Kind] = [.undefined, .outermost, .call, .registers, .interruptFrame]
      kind = Int(entry.type) < kinds.count ? kinds[Int(entry.type)] : .unknown(entry.type)
    }
  }
}
