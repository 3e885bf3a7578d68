import GuestScopeLinuxKernel

/// What a kernel's own symbols and types say of calls in programs.
struct KernelCalls: Sendable {
  /// The address of `__bpf_call_base`, which calls are relative to; 0 where it is not known.
  let base: UInt64
  /// The words of `enum bpf_func_id`.
  let helpers: [UInt32: String]
  /// The interpreters for subprograms with a stack of up to 32 bytes, 64, and so on up to 512
  /// (`interpreters_args[]` of kernel/bpf/core.c), relative to `base`. Nil for one without a symbol:
  /// this kernel interprets no programs.
  let interpreters: [Int32?]

  init(_ kernel: GuestKernel) {
    let base = kernel.symbols.address(of: "__bpf_call_base")
    self.base = base ?? 0
    helpers = kernel.words(of: "bpf_func_id", prefix: "BPF_FUNC_").names
    interpreters = (1...16).map { index in
      guard let base, let address = kernel.symbols.address(of: "__bpf_prog_run_args\(32 * index)")
      else { return nil }
      return Int32(truncatingIfNeeded: address &- base)
    }
  }
}

extension GuestKernel {
  var calls: KernelCalls {
    // Nothing in it can fail.
    (try? prepared { KernelCalls(self) }) ?? KernelCalls(self)
  }
}
