import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_ksym` of include/linux/bpf.h, since 5.7 (commit bfea9a8574f3): machine code that BPF
/// made. The kernel registers programs and their subprograms, trampolines, dispatchers, and the
/// trampolines of struct_ops.
private struct BPFKsym: KernelStruct {
  static let kernelName = "bpf_ksym"
  let start = Member<UInt64>("start")
  let end = Member<UInt64>("end")
  /// It is a program's, or a subprogram's.
  let prog = OptionalMember<Bool>("prog")
  let even = Place("tnode.node[0]")
  let odd = Place("tnode.node[1]")
}

private struct BPFProgAuxOfKsym: KernelStruct {
  static let kernelName = "bpf_prog_aux"
  let ksym = Place("ksym")
}

private struct BPFKsymName: KernelStruct {
  static let kernelName = "bpf_ksym"
  /// KSYM_NAME_LEN is 512 since 6.1 (commit b8a94bfb3395), and 128 before.
  let name = Member<String>("name")
}

extension Walk {
  /// The symbol of BPF's machine code that an address is in; nil for none, and for a kernel that
  /// does not show them.
  public func bpfSymbol(at address: KernelVirtualAddress) throws(ReadFault) -> LoadedSymbol? {
    try ksym(at: address)?.symbol()
  }

  /// The `struct bpf_prog_aux` of the program, or of the subprogram, whose machine code an address is
  /// in, and where that code begins.
  func programAux(
    at address: KernelVirtualAddress
  ) throws(ReadFault) -> (aux: KernelVirtualAddress, start: UInt64)? {
    guard let ksym = try ksym(at: address), ksym.prog == true else {
      return nil
    }
    return (try ksym.container(\BPFProgAuxOfKsym.ksym).address, ksym.start)
  }

  private func ksym(at address: KernelVirtualAddress) throws(ReadFault) -> KernelObject<BPFKsym>? {
    guard let tree = try bpfTree() else {
      return try programKsyms { $0.holds(address) }.first
    }
    // A call may be the last instruction, and returns to the end: that is the symbol's when no
    // other one begins there (bpf_tree_comp() of kernel/bpf/core.c).
    var returns: KernelObject<BPFKsym>?
    let found = try tree.find { ksym in
      if address.rawValue < ksym.start { return .left }
      if address.rawValue == ksym.end { returns = ksym }
      return ksym.holds(address) ? .here : .right
    }
    return found ?? returns
  }

  /// All symbols of BPF's machine code, by address.
  public func bpfSymbols() throws(ReadFault) -> [LoadedSymbol] {
    guard let tree = try bpfTree() else {
      let symbols = try view.each(try programKsyms { _ in true }) { ksym throws(ReadFault) in
        try ksym.symbol()
      }
      return symbols.sorted { $0.address < $1.address }
    }
    return try tree.compactMap("BPF symbol") { ksym throws(ReadFault) in try ksym.symbol() }
  }

  /// Nil for a kernel whose symbols lack it: arm64 with CONFIG_KALLSYMS_ALL=n.
  private func bpfTree() throws(ReadFault) -> RBTree<BPFKsym>? {
    guard let root = try ifKnown(read(LatchTreeRoot.self, symbol: "bpf_tree")) else { return nil }
    return try ifKnown(root.tree(of: LatchTreeNode(\BPFKsym.even, \.odd)))
  }
}

extension KernelObject<BPFKsym> {
  fileprivate func holds(_ address: KernelVirtualAddress) -> Bool {
    self.start <= address.rawValue && address.rawValue < self.end
  }

  /// As /proc/kallsyms has it (`bpf_get_kallsym()` of kernel/bpf/core.c).
  fileprivate func symbol() throws(ReadFault) -> LoadedSymbol {
    LoadedSymbol(
      name: try read(as: BPFKsymName.self).name, address: KernelVirtualAddress(self.start),
      type: "t", module: "bpf")
  }
}

// MARK: Without the tree

/// `struct bpf_prog`, of which only the symbols count. The first of several functions is the
/// program itself, and only the program's own symbol is filled in.
private struct BPFProgSymbols: NumberedStruct {
  static let kernelName = "bpf_prog"
  static let table = ObjectTable.Kind.prog
  let aux = Link<BPFProgAuxSymbols>("aux")

  static func id(of prog: KernelObject<Self>) throws(ReadFault) -> UInt32 { try prog.aux.id }
}

private struct BPFProgAuxSymbols: KernelStruct {
  static let kernelName = "bpf_prog_aux"
  let id = Member<UInt32>("id")
  let functions = Items<BPFFunctionSymbol>("func", count: "func_cnt", most: 4096)
  let ksym = Link<BPFKsym>("ksym")
}

private struct BPFFunctionSymbol: KernelStruct {
  static let kernelName = "bpf_prog"
  let aux = Link<BPFFunctionAuxSymbol>("aux")
}

private struct BPFFunctionAuxSymbol: KernelStruct {
  static let kernelName = "bpf_prog_aux"
  let ksym = Link<BPFKsym>("ksym")
}

extension Walk {
  /// Those of programs and their subprograms, found by the programs' ids.
  private func programKsyms(
    where isWanted: (KernelObject<BPFKsym>) -> Bool
  ) throws(ReadFault) -> [KernelObject<BPFKsym>] {
    guard let table = try? IDTable<BPFProgSymbols>(kernel),
      (try? kernel.layouts.layout(of: BPFProgAuxSymbols.self)) != nil
    else { return [] }
    let programs = try table.list(in: self) { prog throws(ReadFault) -> [KernelObject<BPFKsym>] in
      let aux = try prog.aux
      let (own, functions) = try view.together(aux.ksym, aux.functions)
      let others = try view.each(functions ?? []) { function throws(ReadFault) in
        try function.aux.ksym
      }
      // One of 0 was not compiled to machine code, or is the first function's.
      return ([own] + others).filter { $0.start != 0 && isWanted($0) }
    }
    return Array(programs.objects.joined())
  }
}
