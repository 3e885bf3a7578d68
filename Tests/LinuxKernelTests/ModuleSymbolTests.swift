import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport
import Testing

@Suite struct ModuleSymbolTests {
  private static let code: UInt64 = 0xffff_ffff_c010_0000
  private static let data: UInt64 = 0xffff_ffff_c020_0000
  private let guest: SyntheticGuest
  private let kallsyms: PhysicalAddress

  /// - Parameter isOld: like a kernel before 6.4.
  private init(isOld: Bool) {
    var types = KernelTypes.kernel(.linux6)
    RBTreeBuilder.declareLatched(in: &types)
    types.declare(
      "mod_kallsyms", size: 32,
      [("symtab", 0, .pointer), ("num_symtab", 8, .u32), ("strtab", 16, .pointer)]
        + [("typetab", 24, .pointer)])
    types.declare(
      "module", size: 256,
      [("state", 0, .u32), ("name", 8, .bytes(56)), ("kallsyms", 64, .pointer)])
    types.declare(
      "mod_tree_node", size: 56,
      [("mod", 0, .pointerTo("module")), ("node", 8, .structure("latch_tree_node"))])
    types.declare(
      isOld ? "module_layout" : "module_memory", size: 72,
      [("base", 0, .pointer), ("size", 8, .u32), ("mtn", 16, .structure("mod_tree_node"))])
    types.declare(
      "mod_tree_root", size: 40,
      [("root", 0, .structure("latch_tree_root")), ("addr_min", 24, .u64), ("addr_max", 32, .u64)])
    let guest = SyntheticGuest(types)
    self.guest = guest
    let ram = guest.ram
    let module = ram.allocate(256)
    ram.write(Array("widget".utf8), at: module + 8)
    kallsyms = ram.allocate(32)
    ram.write(guest.direct(kallsyms), at: module + 64)
    guest.symbols["mod_tree"] = guest.dataOffset + 0x700
    let stretches = [Self.code, Self.data].map { base in
      let stretch = ram.allocate(72)
      ram.write(base, at: stretch)
      ram.write(0x1000 as UInt32, at: stretch + 8)
      ram.write(guest.direct(module), at: stretch + 16)
      return stretch + 24
    }
    RBTreeBuilder(ram, types) { guest.direct($0) }.latch(stretches, root: guest.place("mod_tree"))
    ram.write(Self.code, at: guest.place("mod_tree") + 24)
    ram.write(Self.data + 0x1000, at: guest.place("mod_tree") + 32)
    writeSymbols([
      ("", 0, 0), ("widget_init", 1, Self.code + 0x10), ("init_module", 1, Self.code + 0x10),
      ("$x", 1, Self.code + 0x20), ("elsewhere", 0, Self.code + 0x30),
      ("widget_exit", 1, Self.code + 0x40), ("widget_data", 2, Self.data + 8),
    ])
  }

  init() { self.init(isOld: false) }

  private func writeSymbols(_ symbols: [(name: String, section: UInt16, value: UInt64)]) {
    let ram = guest.ram
    let (table, text) = (ram.allocate(24 * symbols.count), ram.allocate(512))
    let types = ram.allocate(symbols.count)
    var offset = 0
    for (index, symbol) in symbols.enumerated() {
      let entry = table + 24 * index
      ram.write(UInt32(offset), at: entry)
      ram.write(symbol.section, at: entry + 6)
      ram.write(symbol.value, at: entry + 8)
      ram.write(Array(symbol.name.utf8), at: text + offset)
      ram.write(Array((symbol.section == 2 ? "d" : "t").utf8), at: types + index)
      offset += symbol.name.utf8.count + 1
    }
    ram.write(guest.direct(table), at: kallsyms)
    ram.write(UInt32(symbols.count), at: kallsyms + 8)
    ram.write(guest.direct(text), at: kallsyms + 16)
    ram.write(guest.direct(types), at: kallsyms + 24)
  }

  private func walk<T>(_ body: @escaping (Walk) throws(ReadFault) -> T) throws -> Snapshot<T> {
    let engine = SnapshotEngine(ScriptedMemory(guest.memory))
    return try GuestKernel(try guest.image(), in: engine).snapshot(engine, body)
  }

  private func symbol(at address: UInt64) throws -> LoadedSymbol? {
    try walk { walk throws(ReadFault) in
      try walk.moduleSymbol(at: KernelVirtualAddress(address))
    }.value
  }

  @Test(arguments: [false, true])
  func anAddressHasTheSymbolBeforeItInItsStretch(isOld: Bool) throws {
    let test = ModuleSymbolTests(isOld: isOld)
    for (address, name) in [
      (Self.code + 0x10, "widget_init"), (Self.code + 0x3f, "widget_init"),
      (Self.code + 0x40, "widget_exit"), (Self.code + 0xfff, "widget_exit"),
      (Self.data + 9, "widget_data"),
    ] {
      let symbol = try #require(try test.symbol(at: address))
      #expect(symbol.name == name && symbol.module == "widget")
      #expect(symbol.type == (name == "widget_data" ? "d" : "t"))
    }
    // Before the first, between the stretches, and outside of all modules.
    for address in [Self.code + 8, Self.code + 0x1000, Self.data, Self.data + 0x1000, 0] {
      #expect(try test.symbol(at: address) == nil)
    }
  }

  @Test func theSymbolsOfAModuleOfSeveralStretchesComeOnce() throws {
    let all = try walk { walk throws(ReadFault) in try walk.moduleSymbols { Array($0) } }.value
    #expect(all.map(\.name) == ["widget_init", "init_module", "widget_exit", "widget_data"])
  }

  @Test(arguments: [1 << 20, UInt32.max])
  func anAbsurdNumberOfSymbolsIsCounted(count: UInt32) throws {
    guest.ram.write(count, at: kallsyms + 8)
    let all = try walk { walk throws(ReadFault) in try walk.moduleSymbols { Array($0) } }
    #expect(all.value.isEmpty)
    #expect(
      all.unreadable.map { "\($0)" }.first?.hasPrefix("module 0: a module with \(count) symbols")
        == true)
  }

  @Test func aKernelThatDoesNotShowItsModulesHasNoSymbolsOfThem() throws {
    guest.symbols["mod_tree"] = nil
    #expect(try symbol(at: Self.code + 0x10) == nil)
    #expect(try walk { walk throws(ReadFault) in try walk.moduleSymbols { Array($0) } }.value == [])
  }
}
