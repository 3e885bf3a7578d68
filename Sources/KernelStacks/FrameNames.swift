import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel

extension Walk {
  /// A stack with the names of its functions, and of a BPF program's with the lines of its source.
  func named(_ stack: KernelStack) throws(ReadFault) -> KernelStack {
    var named = stack
    named.frames = try view.each(stack.frames) { frame throws(ReadFault) in
      var frame = frame
      // What a call returns to may be the start of another function (`sprint_backtrace()` of
      // kernel/kallsyms.c).
      let isStart =
        frame.isInterrupted || kernel.returnTrampolines?.contains(frame.address) == true
      let place = KernelVirtualAddress(frame.address &- (isStart ? 0 : 1))
      if let function = kernel.imageFunction(at: place) {
        frame.function = function
      } else {
        let (symbol, source) = try view.together(
          ifReadable(loadedSymbol(at: place)), ifReadable(bpfSource(at: place)))
        frame.function = symbol.map {
          KernelStack.Function(
            name: $0.name, offset: place.rawValue &- $0.address.rawValue, module: $0.module)
        }
        frame.source = source
      }
      frame.function?.offset &+= isStart ? 0 : 1
      return frame
    }
    return named
  }

  /// A stack does not fail for a name, nor for a list that leads to a caller.
  func ifReadable<T>(
    _ read: @autoclosure () throws(ReadFault) -> T?
  ) throws(ReadFault) -> T? {
    do throws(ReadFault) { return try read() } catch .unreadable { return nil }
  }
}

extension GuestKernel {
  /// Nil for an address outside of the image.
  fileprivate func imageFunction(at address: KernelVirtualAddress) -> KernelStack.Function? {
    imageSymbol(at: address.rawValue).map { symbol, offset in
      KernelStack.Function(name: symbol.name, offset: offset)
    }
  }
}
