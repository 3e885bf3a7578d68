import GuestScopeKernelBPF

/// The calls that a task or a CPU is in, in the kernel.
public struct KernelStack: Hashable, Sendable {
  /// The innermost first.
  public var frames: [Frame]
  public var end: End

  /// A function that has called the one before it in the list, or that was interrupted.
  public struct Frame: Hashable, Sendable {
    /// Where the call returns to, or where the function was interrupted.
    public var address: UInt64
    /// The function is at this instruction, and has not called anything from it.
    public var isInterrupted = false
    /// False for one that may be left from an earlier call.
    public var isReliable = true
    /// What the stack is for that the frame is on; nil for none that is known.
    public var area: StackArea.Kind?
    /// Nil where no symbol has the address.
    public var function: Function?
    /// Of machine code that a BPF program was compiled to, where it brought its source.
    public var source: SourceLine?
  }

  /// A function, and how far into it an address is.
  public struct Function: Hashable, Sendable {
    public var name: String
    /// Bytes from the start of the function.
    public var offset: UInt64
    /// `bpf`, or the name of a module; nil for the kernel itself.
    public var module: String?

    public init(name: String, offset: UInt64, module: String? = nil) {
      (self.name, self.offset, self.module) = (name, offset, module)
    }
  }

  /// Why there are no more frames.
  public enum End: Hashable, Sendable {
    /// The outermost call was reached: the entry from user mode, or the start of a kernel thread.
    case outermost
    /// The task or CPU has no stack in the kernel. The text is a sentence that says why.
    case none(String)
    /// Frames are missing. The text is a sentence that says why.
    case cut(String)
  }

  /// What would be executed were it not for interrupts: the outermost function that one of them found;
  /// nil for a stack without an interrupt in the kernel. What an exception found is not meant: the task
  /// has called for its handler itself.
  public var interrupted: Frame? {
    var (found, start): (Frame?, Int) = (nil, 0)
    for index in frames.indices.dropFirst() where frames[index].isInterrupted {
      if frames[start..<index].contains(where: \.isInterruptEntry) { found = frames[index] }
      start = index
    }
    return found
  }

  init(_ frames: [Frame] = [], _ end: End) { (self.frames, self.end) = (frames, end) }

  /// True where no frame is missing, and none is in doubt.
  public var isWhole: Bool {
    if case .cut = end { return false }
    return frames.allSatisfy(\.isReliable)
  }
}

extension KernelStack.Frame {
  /// Through which interrupts come in: arch/x86/include/asm/idtentry.h (since 5.8), arch/x86/entry/entry_fred.c,
  /// arch/arm64/kernel/entry.S.
  fileprivate var isInterruptEntry: Bool {
    guard let function, function.module == nil else { return false }
    return function.name.hasPrefix("asm_sysvec_") || Self.interruptEntries.contains(function.name)
  }

  private static let interruptEntries: Set = [
    "asm_common_interrupt", "asm_spurious_interrupt", "asm_exc_nmi",
    // What they call may be their last, and then they have no frame.
    "fred_extint", "common_interrupt", "fred_exc_nmi",
    // The first up to 5.13, the others since.
    "el1_irq", "el1h_64_irq", "el1h_64_fiq",
  ]
}
