import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel
import TestSupport
import Testing

@Suite struct BPFSymbolTests {
  /// Where the machine code of BPF is on x86-64.
  private static let code: UInt64 = 0xffff_ffff_c000_0000
  /// Start, end and name; two are neighbours without a gap.
  private static let symbols: [(UInt64, UInt64, String)] = [
    (code + 0x100, code + 0x140, "bpf_prog_0102030405060708_first"),
    (code + 0x140, code + 0x180, "bpf__ops_member"),
    (code + 0x1000, code + 0x1010, "bpf_trampoline_6442529524"),
  ]

  private let guest: SyntheticGuest

  /// - Parameter hasTree: false for a kernel without `bpf_tree` among its symbols.
  private init(hasTree: Bool, sequence: UInt32 = 4) {
    var types = KernelTypes.kernel(.linux6)
    RBTreeBuilder.declareLatched(in: &types)
    types.declare(
      "bpf_ksym", size: 600,
      [
        ("start", 0, .u64), ("end", 8, .u64), ("name", 16, .bytes(512)),
        ("tnode", 544, .structure("latch_tree_node")),
      ])
    types.declare(
      "bpf_prog_aux", size: 1024,
      [
        ("used_map_cnt", 8, .u32), ("func_cnt", 20, .u32), ("id", 28, .u32),
        ("verified_insns", 32, .u32), ("func", 72, .pointerTo("pointer")), ("prog", 120, .pointer),
        ("user", 128, .pointer), ("load_time", 136, .u64),
        ("used_maps", 160, .pointerTo("pointer")), ("name", 176, .bytes(16)),
        ("btf", 208, .pointer), ("ksym", 256, .structure("bpf_ksym")),
      ])
    let guest = SyntheticGuest(types)
    self.guest = guest
    if hasTree { guest.symbols["bpf_tree"] = guest.dataOffset + 0x700 }
    let ksyms = Self.symbols.map { start, end, name in
      let ksym = guest.ram.allocate(600)
      write(start, end, name, at: ksym)
      return ksym + 544
    }
    guard hasTree else { return }
    RBTreeBuilder(guest.ram, types) { guest.direct($0) }
      .latch(ksyms, root: guest.place("bpf_tree"), sequence: sequence)
  }

  init() { self.init(hasTree: true) }

  private func write(_ start: UInt64, _ end: UInt64, _ name: String, at ksym: PhysicalAddress) {
    guest.ram.write(start, at: ksym)
    guest.ram.write(end, at: ksym + 8)
    guest.ram.write(Array(name.utf8), at: ksym + 16)
  }

  private func walk<T>(_ body: @escaping (Walk) throws(ReadFault) -> T) throws -> Snapshot<T> {
    let engine = SnapshotEngine(ScriptedMemory(guest.memory))
    return try GuestKernel(try guest.image(), in: engine).snapshot(engine, body)
  }

  private func name(at address: UInt64) throws -> String? {
    try walk { walk throws(ReadFault) in
      try walk.loadedSymbol(at: KernelVirtualAddress(address))?.name
    }.value
  }

  @Test(arguments: [4, 5] as [UInt32])
  func anAddressHasTheNameOfTheCodeThatItIsIn(sequence: UInt32) throws {
    let test = BPFSymbolTests(hasTree: true, sequence: sequence)
    for (start, end, name) in Self.symbols {
      for address in [start, start + 1, end - 1] {
        #expect(try test.name(at: address) == name)
      }
    }
    #expect(try test.name(at: Self.code + 0xff) == nil)
    #expect(try test.name(at: Self.code + 0x800) == nil)
  }

  @Test func theEndIsAReturnAddressUnlessAnotherSymbolBeginsThere() throws {
    #expect(try name(at: Self.code + 0x140) == "bpf__ops_member")
    #expect(try name(at: Self.code + 0x180) == "bpf__ops_member")
    #expect(try name(at: Self.code + 0x181) == nil)
    #expect(try name(at: Self.code + 0x1010) == "bpf_trampoline_6442529524")
  }

  @Test func namesAndPatternsFindSymbolsInTheirOrder() throws {
    let all = try walk { walk throws(ReadFault) in try walk.loadedSymbols(matching: "bpf_*") }
    #expect(all.value.map(\.name) == Self.symbols.map(\.2))
    #expect(all.value.map(\.address.rawValue) == Self.symbols.map(\.0))
    #expect(all.value.allSatisfy { $0.module == "bpf" && $0.type == "t" })
    let one = try walk { walk throws(ReadFault) in
      try walk.loadedSymbols(named: "bpf__ops_member")
    }
    #expect(one.value.map(\.address.rawValue) == [Self.code + 0x140])
  }

  @Test func onlyAddressesWhereCodeCanBeCostReads() throws {
    for address in [guest.textBase, guest.pageOffset + 0x1000, 0x40_0000, 0] {
      let engine = SnapshotEngine(ScriptedMemory(guest.memory))
      let kernel = try GuestKernel(try guest.image(), in: engine)
      // The CPUs are read in any case.
      engine.stepLimit = 1
      let found = try kernel.snapshot(engine) { walk throws(ReadFault) in
        try walk.loadedSymbol(at: KernelVirtualAddress(address))
      }
      #expect(found.value == nil)
    }
  }

  @Test func withoutTheTreeProgramsAreFoundByTheirIDs() throws {
    let test = BPFSymbolTests(hasTree: false)
    let guest = test.guest
    guest.writeIDR()
    #expect(try test.name(at: Self.code + 0x100) == nil)
    let (aux, program) = (guest.ram.allocate(1024), guest.ram.allocate(128))
    let function = guest.ram.allocate(1024)
    let functions = guest.ram.allocate(16)
    guest.ram.write(guest.direct(aux), at: program + guest.types["bpf_prog.aux"])
    guest.ram.write(3 as UInt32, at: aux + 28)
    guest.ram.write(1 as UInt32, at: aux + 20)
    guest.ram.write(guest.direct(functions), at: aux + 72)
    let subprogram = guest.ram.allocate(128)
    guest.ram.write(guest.direct(subprogram), at: functions)
    guest.ram.write(guest.direct(function), at: subprogram + guest.types["bpf_prog.aux"])
    test.write(Self.code, Self.code + 0x20, "bpf_prog_main", at: aux + 256)
    test.write(Self.code + 0x20, Self.code + 0x30, "bpf_prog_F", at: function + 256)
    guest.programs[3] = guest.direct(program)
    guest.writeIDR()
    #expect(try test.name(at: Self.code + 0x1f) == "bpf_prog_main")
    #expect(try test.name(at: Self.code + 0x20) == "bpf_prog_F")
    #expect(try test.name(at: Self.code + 0x30) == nil)
    let all = try test.walk { walk throws(ReadFault) in try walk.bpfSymbols() }
    #expect(all.value.map(\.name) == ["bpf_prog_main", "bpf_prog_F"])
  }
}
