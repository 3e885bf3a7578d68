import GuestScopeLinuxKernel

/// Code to which a function returns that a return probe or the function graph tracer watches. The kernel
/// finds the caller's address in a list of the task (`unwind_recover_ret_addr()` of
/// arch/x86/include/asm/unwind.h, `kunwind_recover_return_address()` of arch/arm64/kernel/stacktrace.c),
/// which is not read here.
private struct ReturnTrampolines: Sendable {
  let addresses: Set<UInt64>

  init(_ kernel: GuestKernel) {
    let names = [
      "return_to_handler", "arch_rethook_trampoline", "__kretprobe_trampoline",
      // Up to 5.15 (commit adf8a61a940c).
      "kretprobe_trampoline",
    ]
    addresses = Set(names.compactMap { kernel.symbols.address(of: $0) })
  }
}

extension GuestKernel {
  /// True for the start of such code, which no call has before it.
  func isReturnTrampoline(_ address: UInt64) -> Bool {
    let trampolines = try? prepared { () throws(KernelError) in ReturnTrampolines(self) }
    return trampolines?.addresses.contains(address) ?? false
  }
}
