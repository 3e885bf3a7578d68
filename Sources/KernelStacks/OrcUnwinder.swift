import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel

/// Finds callers by the ORC tables of an x86-64 kernel: `unwind_next_frame()` of
/// arch/x86/kernel/unwind_orc.c.
struct OrcUnwinder: Unwinder {
  let walk: Walk
  let tables: OrcTables

  func caller(
    of state: UnwindState, on memory: StackMemory
  ) throws(ReadFault) -> UnwindState? {
    if !state.isInterrupted, walk.kernel.returnTrampolines?.contains(state.pc) == true {
      throw .corrupt("a return probe in the place of the caller", at: state.place)
    }
    // A call may be the last instruction of a function: what follows it is another's.
    let known = try tables.entry(at: state.isInterrupted ? state.pc : state.pc &- 1, in: walk)
    let entry = known ?? .framePointer
    var next: UnwindState?
    let sp: UInt64
    switch entry.kind {
    case .outermost: return nil
    case .undefined: throw .corrupt("no unwind information for the code", at: state.place)
    case .unknown(let number):
      throw .corrupt("an unwind entry of the unknown type \(number) for the code", at: state.place)
    case .call:
      sp = try callersSP(state, entry, memory)
      next = UnwindState(pc: try memory.word(at: sp &- 8), sp: sp, fp: state.fp)
    case .registers:
      sp = try callersSP(state, entry, memory)
      next = try walk.x86Registers(at: sp, on: memory)
    case .interruptFrame:
      sp = try callersSP(state, entry, memory)
      next = try walk.x86InterruptFrame(at: sp, after: state, on: memory)
    }
    guard var next else { return nil }
    next.isInterrupted = entry.isSignal ?? (entry.kind != .call)
    let offset = UInt64(bitPattern: Int64(entry.bpOffset))
    switch entry.bp {
    case .undefined: break
    case .previousSP: next.fp = try memory.word(at: sp &+ offset)
    case .bp: next.fp = try memory.word(at: state.fp &+ offset)
    default: throw .corrupt("an unknown frame pointer in the unwind entry", at: state.place)
    }
    // That code without an entry keeps a frame pointer is a guess, but for BPF's.
    if known == nil { next.isReliable = try walk.bpfSymbol(at: state.place) != nil }
    return next
  }

  /// The place of the return address.
  func frame(of caller: UnwindState) -> UInt64 { caller.sp &- 8 }

  private func callersSP(
    _ state: UnwindState, _ entry: OrcEntry, _ memory: StackMemory
  ) throws(ReadFault) -> UInt64 {
    let offset = UInt64(bitPattern: Int64(entry.spOffset))
    func other(_ register: KeyPath<OtherRegisters, UInt64>) throws(ReadFault) -> UInt64 {
      guard let others = state.others else {
        throw .corrupt("a stack that a register leads to which was not saved", at: state.place)
      }
      return others[keyPath: register]
    }
    switch entry.sp {
    case .sp: return state.sp &+ offset
    case .bp: return state.fp &+ offset
    case .spIndirect where tables.addsOffsetFirst: return try memory.word(at: state.sp &+ offset)
    case .spIndirect: return try memory.word(at: state.sp) &+ offset
    case .bpIndirect: return try memory.word(at: state.fp &+ offset)
    case .r10: return try other(\.r10)
    case .r13: return try other(\.r13)
    case .di: return try other(\.di)
    case .dx: return try other(\.dx)
    case .ax: return try other(\.ax)
    case .previousSP, .undefined, .unknown:
      throw .corrupt("an unknown stack pointer in the unwind entry", at: state.place)
    }
  }
}

extension UnwindState {
  var place: KernelVirtualAddress { KernelVirtualAddress(pc) }
}
