import GuestScopeGuestMemory

/// Where a walk of a stack is: at a function, with the registers that lead to its caller.
struct UnwindState: Hashable {
  var pc: UInt64
  var sp: UInt64
  var fp: UInt64
  /// The function is at the instruction, and has not called anything from it.
  var isInterrupted = false
  /// Those that ORC entries of rare code count from; nil where they are not known.
  var others: OtherRegisters?
  /// False where the way to this function was a guess.
  var isReliable = true
  /// A return address that may be that of a call in between.
  var doubtful: UInt64?
}

/// Registers of x86-64 that only entries for code with an unusual stack need.
struct OtherRegisters: Hashable {
  var r10, r13, di, dx, ax: UInt64
}

/// A way to find the caller of a function.
protocol Unwinder {
  /// Nil for the outermost function.
  ///
  /// - Throws: an `Unreadable` where the stack or what describes it is damaged: the stack is cut
  ///   there.
  func caller(
    of state: UnwindState, on memory: StackMemory
  ) throws(ReadFault) -> UnwindState?

  /// The number by which the kernel's lists of watched returns identify the frame that returns to a caller.
  func frame(of caller: UnwindState) -> UInt64
}
