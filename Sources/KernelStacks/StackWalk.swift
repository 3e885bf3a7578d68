import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// A walk of a stack, from the innermost function outwards.
struct StackWalk {
  let walk: Walk
  let unwinder: any Unwinder
  /// Whose stack it is; nil where that is not known.
  private let task: KernelVirtualAddress?
  /// Read when the first of them is met.
  private var watchedReturns: WatchedReturns?
  private(set) var memory: StackMemory
  private var frames: [KernelStack.Frame] = []

  /// The kernel itself shows 64 in /proc, and stops nowhere in an oops.
  static let most = 512
  /// Words that are shown where the way to the callers is lost.
  private static let mostGuesses = 32

  init(
    _ walk: Walk, _ unwinder: any Unwinder, _ areas: [StackArea], of task: KernelVirtualAddress?
  ) {
    (self.walk, self.unwinder, self.task) = (walk, unwinder, task)
    memory = StackMemory(areas, in: walk.view)
  }

  /// The frames of a stack, without the names of their functions.
  mutating func frames(from start: UnwindState) throws(ReadFault) -> KernelStack {
    var state = start
    // What a register says is sure; what a stack says is not, before it was looked at.
    state.isReliable = start.isInterrupted
    do throws(ReadFault) {
      let words = try memory.read(from: state.sp)
      if let orc = unwinder as? OrcUnwinder { try orc.expect(words, in: walk) }
      // Where the walk was on a stack that it has left.
      var left: Set<UInt64> = []
      var area = memory.area(of: state.sp)
      state.isReliable = try isKnownCode(state)
      while frames.count < Self.most {
        note(state, on: area)
        guard var next = try unwinder.caller(of: state, on: memory) else {
          return KernelStack(frames, .outermost)
        }
        next.pc = try returnAddress(next)
        let isKnown = try isKnownCode(next)
        next.isReliable = isKnown && next.isReliable && state.isReliable
        let other = memory.area(of: next.sp)
        if other == area {
          guard next.sp > state.sp else {
            throw .corrupt("a stack that leads backwards", at: KernelVirtualAddress(next.sp))
          }
        } else {
          if let area { left.insert(area.range.lowerBound) }
          if let other, left.contains(other.range.lowerBound) {
            throw .corrupt("a stack that leads back", at: KernelVirtualAddress(next.sp))
          }
          if other != nil { _ = try memory.read(from: next.sp) }
          area = other
        }
        state = next
      }
      return KernelStack(frames, .cut("it has more than \(Self.most) frames"))
    } catch .unreadable(let cause) {
      if frames.isEmpty { note(state, on: memory.area(of: state.sp)) }
      try guess(after: state)
      return KernelStack(frames, .cut("\(cause)"))
    }
  }

  /// The address that a call returns to. The stack does not have that of a watched call.
  private mutating func returnAddress(_ state: UnwindState) throws(ReadFault) -> UInt64 {
    guard !state.isInterrupted, let task, let trampolines = walk.kernel.returnTrampolines,
      trampolines.contains(state.pc)
    else { return state.pc }
    let returns: WatchedReturns
    if let watchedReturns {
      returns = watchedReturns
    } else {
      returns = try WatchedReturns(of: task, trampolines, in: walk)
    }
    watchedReturns = returns
    return returns.address(of: unwinder.frame(of: state)) ?? state.pc
  }

  /// False for code that no symbol has. An interrupted function may be at any address: what it
  /// jumped to may be the trouble.
  ///
  /// - Throws: `Unreadable.Reason.corrupt` for what a call returns to in no code.
  private func isKnownCode(_ state: UnwindState) throws(ReadFault) -> Bool {
    guard !state.isInterrupted, !walk.kernel.isInCode(state.pc) else { return true }
    let place = KernelVirtualAddress(state.pc &- 1)
    guard walk.kernel.isLoadable(place) else {
      throw .corrupt("a return address in no code", at: KernelVirtualAddress(state.pc))
    }
    return try walk.loadedSymbol(at: place) != nil
  }

  private mutating func note(_ state: UnwindState, on area: StackArea?) {
    // The doubt is gone: it was the way to the caller.
    if let last = frames.last, !last.isReliable, last.address == state.pc { frames.removeLast() }
    frames.append(
      KernelStack.Frame(
        address: state.pc, isInterrupted: state.isInterrupted, isReliable: state.isReliable,
        area: area?.kind))
    guard let doubtful = state.doubtful, walk.kernel.isInCode(doubtful),
      walk.kernel.symbols.nearest(to: doubtful &- 1)?.symbol
        != walk.kernel.symbols.nearest(to: state.pc)?.symbol
    else { return }
    frames.append(KernelStack.Frame(address: doubtful, isReliable: false, area: area?.kind))
  }

  /// What looks like return addresses on the rest of the stack, as the kernel shows them with a
  /// question mark.
  private mutating func guess(after state: UnwindState) throws(ReadFault) {
    guard let area = memory.area(of: state.sp) else { return }
    let words: [UInt64]
    do throws(ReadFault) { words = try memory.read(from: state.sp) } catch {
      if case .unreadable = error { return }
      throw error
    }
    for word in words.lazy.filter(walk.kernel.isInCode).prefix(Self.mostGuesses) {
      frames.append(KernelStack.Frame(address: word, isReliable: false, area: area.kind))
    }
  }
}

extension GuestKernel {
  /// True for an address in the kernel's own code, that of its start included.
  func isInCode(_ address: UInt64) -> Bool {
    let code = try? prepared { () throws(KernelError) in KernelCode(self) }
    return code?.ranges.contains { $0.contains(address) } ?? false
  }
}

/// Where the kernel's own code is: `core_kernel_text()` of kernel/extable.c. That of its start is
/// freed, and the idle tasks of CPUs return to it all the same.
private struct KernelCode: Sendable {
  var ranges: [Range<UInt64>]

  init(_ kernel: GuestKernel) {
    func address(_ names: String...) -> UInt64? {
      names.lazy.compactMap { kernel.symbols.address(of: $0) }.first
    }
    // Without the symbols of variables arm64 lacks the first name.
    let borders = [
      (address("_text", "_stext"), address("_etext")),
      (address("_sinittext"), address("_einittext")),
    ]
    ranges = borders.compactMap { start, end in
      guard let start, let end, start < end else { return nil }
      return start..<end
    }
  }
}

extension OrcUnwinder {
  /// Has the entries read that are likely wanted, for all functions at once: from one function to
  /// the next it would take three waves. What is missing is on the view's list.
  func expect(_ words: [UInt64], in walk: Walk) throws(ReadFault) {
    for word in words.lazy.filter({ tables.isInText($0) }).prefix(Self.mostExpected) {
      do throws(ReadFault) { _ = try tables.entry(at: word &- 1, in: walk) } catch {
        if case .stepLimit = error { throw error }
      }
    }
  }

  private static let mostExpected = 256
}
