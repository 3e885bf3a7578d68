import GuestScopeGuestMemory
import GuestScopeKernelImage
import GuestScopeLinuxKernel

extension Walk {
  /// The symbol outside of the kernel image that an address is in: of a module, or of BPF's machine
  /// code. Costs reads only where such symbols can be.
  public func loadedSymbol(
    at address: KernelVirtualAddress
  ) throws(ReadFault) -> LoadedSymbol? {
    guard kernel.isLoadable(address) else { return nil }
    let (program, function) = try view.together(bpfSymbol(at: address), moduleSymbol(at: address))
    return program ?? function
  }

  /// The symbols outside of the kernel image with a name, by address.
  public func loadedSymbols(named name: String) throws(ReadFault) -> [LoadedSymbol] {
    // A name that ThinLTO gave to several is none of them.
    try loadedSymbols(ofBPF: { $0 == name }, ofModule: { (try? $0.named(name)) ?? [] })
  }

  /// Those whose name matches a shell pattern.
  public func loadedSymbols(matching glob: String) throws(ReadFault) -> [LoadedSymbol] {
    let pattern = Glob(glob)
    return try loadedSymbols(ofBPF: pattern.matches, ofModule: { $0.matching(glob: glob) })
  }

  private func loadedSymbols(
    ofBPF isWanted: (String) -> Bool, ofModule choose: (KernelSymbols) -> [KernelSymbols.Symbol]
  ) throws(ReadFault) -> [LoadedSymbol] {
    let (programs, functions) = try view.together(bpfSymbols(), moduleSymbols(choose))
    return (programs.filter { isWanted($0.name) } + functions).sorted { $0.address < $1.address }
  }
}
