import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelImage

extension Walk {
  /// The symbol of a module that an address is in; nil when it is in no module, or this kernel
  /// does not show its modules.
  public func moduleSymbol(
    at address: KernelVirtualAddress
  ) throws(ReadFault) -> LoadedSymbol? {
    guard let root = try modules(holding: address) else { return nil }
    return kernel.hasModuleMemory
      ? try symbol(at: address, in: root, ModuleMemory.self)
      : try symbol(at: address, in: root, ModuleLayout.self)
  }

  /// The `struct module` whose memory an address is in (`__module_address()` of
  /// kernel/module/main.c); nil when it is in no module, or this kernel does not show its modules.
  public func module(
    holding address: KernelVirtualAddress
  ) throws(ReadFault) -> KernelVirtualAddress? {
    guard let root = try modules(holding: address) else { return nil }
    return kernel.hasModuleMemory
      ? try stretch(holding: address, in: root, ModuleMemory.self)?.address(of: \.mod)
      : try stretch(holding: address, in: root, ModuleLayout.self)?.address(of: \.mod)
  }

  /// Nil where no module can have the address.
  private func modules(
    holding address: KernelVirtualAddress
  ) throws(ReadFault) -> KernelObject<ModTreeRoot>? {
    guard let root = try ifKnown(read(ModTreeRoot.self, symbol: "mod_tree")),
      root.addrMin <= address.rawValue, address.rawValue <= root.addrMax
    else { return nil }
    return root
  }

  /// The symbols of all modules that a choice picks from those of each.
  public func moduleSymbols(
    _ choose: (KernelSymbols) -> [KernelSymbols.Symbol]
  ) throws(ReadFault) -> [LoadedSymbol] {
    guard let root = try ifKnown(read(ModTreeRoot.self, symbol: "mod_tree")) else { return [] }
    return kernel.hasModuleMemory
      ? try symbols(in: root, ModuleMemory.self, choose)
      : try symbols(in: root, ModuleLayout.self, choose)
  }

  /// `mod_find()` of kernel/module/tree_lookup.c.
  private func stretch<Stretch: ModuleStretch>(
    holding address: KernelVirtualAddress, in root: KernelObject<ModTreeRoot>, _: Stretch.Type
  ) throws(ReadFault) -> KernelObject<Stretch>? {
    try root.root.tree(of: LatchTreeNode(\Stretch.even, \Stretch.odd)).find { stretch in
      if address < stretch.base { return .left }
      return stretch.contains(address) ? .here : .right
    }
  }

  /// `find_kallsyms_symbol()` of kernel/module/kallsyms.c, within one stretch.
  private func symbol<Stretch: ModuleStretch>(
    at address: KernelVirtualAddress, in root: KernelObject<ModTreeRoot>, _: Stretch.Type
  ) throws(ReadFault) -> LoadedSymbol? {
    let found = try stretch(holding: address, in: root, Stretch.self)
    guard let found, let symbols = try found.mod.symbols(),
      let (symbol, _) = symbols.nearest(to: address.rawValue),
      found.contains(KernelVirtualAddress(symbol.address))
    else { return nil }
    return LoadedSymbol(symbol, of: try found.mod)
  }

  private func symbols<Stretch: ModuleStretch>(
    in root: KernelObject<ModTreeRoot>, _: Stretch.Type,
    _ choose: (KernelSymbols) -> [KernelSymbols.Symbol]
  ) throws(ReadFault) -> [LoadedSymbol] {
    let tree = try root.root.tree(of: LatchTreeNode(\Stretch.even, \Stretch.odd))
    let modules = try tree.compactMap("memory of module") { stretch throws(ReadFault) in
      stretch.address(of: \.mod)
    }
    var found: [LoadedSymbol] = []
    // A module has several stretches.
    for (index, address) in Set(modules).sorted().enumerated() {
      let key = ObjectKey("module", id: UInt64(index), at: address)
      found +=
        try view.object(key) { () throws(ReadFault) in
          let module = try read(ModuleStruct.self, at: address)
          return choose(try module.symbols() ?? KernelSymbols()).map {
            LoadedSymbol($0, of: module)
          }
        } ?? []
    }
    return found
  }
}

extension GuestKernel {
  fileprivate var hasModuleMemory: Bool {
    (try? layouts.layout(of: ModuleMemory.self)) != nil
  }
}

extension LoadedSymbol {
  fileprivate init(_ symbol: KernelSymbols.Symbol, of module: KernelObject<ModuleStruct>) {
    self.init(
      name: symbol.name, address: KernelVirtualAddress(symbol.address), type: symbol.type,
      module: module.name)
  }
}

extension KernelObject where Struct: ModuleStretch {
  /// `within_module_mem_type()` of include/linux/module.h.
  fileprivate func contains(_ address: KernelVirtualAddress) -> Bool {
    address.rawValue &- self.base.rawValue < UInt64(self.size)
  }
}

extension KernelObject<ModuleStruct> {
  /// MODULE_STATE_UNFORMED of `enum module_state`: it is still being put together.
  private static let unformed: UInt32 = 3
  /// The largest modules have some ten thousand; more is garbage.
  private static let mostSymbols: UInt32 = 1 << 18
  private static let mostText = 16 << 20

  /// The module's symbols; nil while it has none. They stay the same while the module lives, but
  /// for those that only its start needs.
  fileprivate func symbols() throws(ReadFault) -> KernelSymbols? {
    guard self.state != Self.unformed, let tables = try self.kallsyms else { return nil }
    // Another module may come to lie there; its code or its symbols are not all in the same places.
    let base = self.base?.rawValue ?? 0
    let key = ObjectKey(
      "\(tables.numSymtab) symbols of module \(self.name)", id: base, at: tables.symtab)
    return try view.constant(key) { () throws(ReadFault) in try read(tables) }
  }

  private func read(_ tables: KernelObject<ModKallsyms>) throws(ReadFault) -> KernelSymbols {
    guard tables.numSymtab <= Self.mostSymbols else {
      throw .corrupt("a module with \(tables.numSymtab) symbols", at: address)
    }
    let count = Int(tables.numSymtab)
    let (entries, types) = try view.together(
      view.bytes(at: tables.symtab, count: count * ELF64Symbol.size),
      view.bytes(at: tables.typetab, count: count))
    let symbols = (0..<count).map { ELF64Symbol(entries, at: $0 * ELF64Symbol.size) }
    // Nothing says how long the text is: the last name ends it.
    let last = symbols.map(\.name).max() ?? 0
    guard last <= Self.mostText else {
      throw .corrupt("a module with \(last) bytes of names", at: tables.strtab)
    }
    let (text, lastName) = try view.together(
      view.bytes(at: tables.strtab, count: last), walk.text(at: tables.strtab + last))
    let strings = text + Array(lastName.utf8) + [0]
    return KernelSymbols(
      zip(symbols, types).compactMap { symbol, type in
        guard symbol.isDefined else { return nil }
        let name = strings[symbol.name...].prefix(ELF64Symbol.longestName).prefix { $0 != 0 }
        let text = String(decoding: name, as: UTF8.self)
        guard !text.isEmpty, !text.isMappingSymbol else { return nil }
        return KernelSymbols.Symbol(
          name: text, address: symbol.value, type: Character(Unicode.Scalar(type)))
      })
  }
}

/// What counts of an `Elf64_Sym` (include/uapi/linux/elf.h), whose layout no kernel can change.
private struct ELF64Symbol {
  static let size = 24
  /// KSYM_NAME_LEN is 512 since 6.1 (commit b8a94bfb3395).
  static let longestName = 512

  /// Bytes from the start of the text.
  var name: Int
  /// False for SHN_UNDEF.
  var isDefined: Bool
  var value: UInt64

  init(_ bytes: [UInt8], at offset: Int) {
    name = Int(bytes.u32(at: offset) ?? 0)
    isDefined = bytes.load(UInt16.self, at: offset + 6) ?? 0 != 0
    value = bytes.u64(at: offset + 8) ?? 0
  }
}

extension String {
  /// `is_mapping_symbol()` of include/linux/module_symbol.h: marks of assemblers, in arm64's case
  /// between code and data.
  fileprivate var isMappingSymbol: Bool {
    hasPrefix("$") || hasPrefix(".L") || hasPrefix("L0\u{1}")
  }
}
