import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// Finds callers in an x86-64 kernel whose functions all keep a frame pointer
/// (CONFIG_UNWINDER_FRAME_POINTER): arch/x86/kernel/unwind_frame.c.
struct FramePointerUnwinder: Unwinder {
  let walk: Walk

  func caller(
    of state: UnwindState, on memory: StackMemory
  ) throws(ReadFault) -> UnwindState? {
    // An odd one is that of saved registers, one byte after their start (ENCODE_FRAME_POINTER of
    // arch/x86/include/asm/frame.h).
    guard state.fp & 1 == 0 else {
      let saved = state.fp & ~1
      // Those at the start of a stack are of user mode; a kernel thread's are zeros.
      if let area = memory.area(of: saved), area.kind == .task,
        area.range.upperBound - saved <= UInt64(try walk.size(of: X86Registers.self)) + Self.padding
      {
        return nil
      }
      return try walk.x86Registers(at: saved, on: memory)
    }
    try memory.check(state.fp, count: 16)
    return UnwindState(
      pc: try memory.word(at: state.fp &+ 8), sp: state.fp &+ 16,
      fp: try memory.word(at: state.fp))
  }

  /// The place of the return address.
  func frame(of caller: UnwindState) -> UInt64 { caller.sp &- 8 }

  /// TOP_OF_KERNEL_STACK_PADDING with CONFIG_X86_FRED, in bytes.
  private static let padding: UInt64 = 16
}
