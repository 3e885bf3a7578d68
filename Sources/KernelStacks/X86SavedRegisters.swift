import GuestScopeGuestMemory
import GuestScopeLinuxKernel

extension Walk {
  /// All registers, as an exception or a system call has saved them; nil where that was in user
  /// mode.
  func x86Registers(
    at address: UInt64, on memory: StackMemory
  ) throws(ReadFault) -> UnwindState? {
    try memory.check(address, count: try size(of: X86Registers.self))
    let saved = try read(X86Registers.self, at: KernelVirtualAddress(address))
    guard saved.cs & 3 == 0 else { return nil }
    return UnwindState(
      pc: saved.ip, sp: saved.sp, fp: saved.bp, isInterrupted: true,
      others: OtherRegisters(
        r10: saved.r10, r13: saved.r13, di: saved.di, dx: saved.dx, ax: saved.ax))
  }

  /// What the CPU itself saves of an interrupted function; nil where that was in user mode. The
  /// other registers are what they were.
  ///
  /// - Parameter address: of the end of a `struct pt_regs`, from the instruction pointer on.
  func x86InterruptFrame(
    at address: UInt64, after state: UnwindState, on memory: StackMemory
  ) throws(ReadFault) -> UnwindState? {
    let start = try offset(of: \X86InterruptFrame.ip) ?? 0
    try memory.check(address, count: try size(of: X86InterruptFrame.self) - start)
    let saved = try read(
      X86InterruptFrame.self, at: KernelVirtualAddress(address &- UInt64(start)))
    guard saved.cs & 3 == 0 else { return nil }
    return UnwindState(
      pc: saved.ip, sp: saved.sp, fp: state.fp, isInterrupted: true, others: state.others)
  }
}
