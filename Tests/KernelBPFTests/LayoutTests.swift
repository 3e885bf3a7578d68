import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeKernelImage
import GuestScopeLinuxKernel
import TestSupport
import Testing

@testable import GuestScopeKernelBPF

@Suite struct LayoutTests {
  @Test(arguments: [
    "bpf_prog.type", "bpf_prog.aux", "bpf_prog_aux.name", "bpf_prog_stats.cnt",
    "bpf_prog_stats.nsecs", "idr.idr_base", "xa_node.slots", "xa_node.shift",
  ])
  func aMemberThatEveryAnswerNeedsIsNamedWhereItIsMissing(path: String) throws {
    let btf = try BTF(KernelTypes.kernel(.linux6, without: [path]).blob)
    let error = #expect(throws: BTFError.self) { try BPFLayout(btf) }
    let names = path.split(separator: ".")
    #expect(error == .noMember(path: String(names[1]), structName: String(names[0])))
  }

  @Test(arguments: [
    "bpf_prog.len", "bpf_prog.jited_len", "bpf_prog.tag", "bpf_prog.gpl_compatible",
    "bpf_prog_aux.verified_insns", "bpf_prog_aux.load_time", "bpf_prog_aux.user",
    "bpf_prog_aux.used_maps", "bpf_prog_aux.used_map_cnt", "bpf_prog_aux.func",
    "bpf_prog_aux.func_cnt", "bpf_prog_aux.btf", "bpf_prog_aux.prog", "bpf_prog_aux.id",
    "bpf_prog_stats.misses", "user_struct.uid", "bpf_map.id", "btf.id",
  ])
  func anyOtherMemberMayBeMissing(path: String) throws {
    let types = KernelTypes.kernel(.linux6, without: [path])
    let listing = try SyntheticGuest.sample(types).guest.list()
    #expect(listing.names == ["lab_init", "lab_with_a_long", "probe"])
    #expect(listing.unreadable.isEmpty)
  }

  @Test func statisticsAreInTheProgramOrBefore5_12InItsAux() throws {
    let new = try BPFLayout(try BTF(KernelTypes.kernel(.linux6).blob))
    let old = try BPFLayout(try BTF(KernelTypes.kernel(.linux5).blob))
    #expect((new.program.stats, new.auxiliary.stats) == (32, nil))
    #expect((old.program.stats, old.auxiliary.stats) == (nil, 216))
    #expect((old.statistics.misses, old.auxiliary.verifiedInstructions) == (nil, nil))
    #expect(new.program.isGPLCompatible == BPFLayout.Flag(byte: 2, bit: 2))
  }

  @Test func aKernelWithoutBPFIsNamedWithItsFile() throws {
    let guest = SyntheticGuest.sample().guest
    let error = #expect(throws: KernelError.self) {
      try BPFPrograms(guest.memory, kernel: try guest.image(without: ["prog_idr"]))
    }
    #expect("\(try #require(error))" == "prog_idr symbol not found in vmlinux")
  }

  @Test func aSymbolThatThinLTORenamedIsFoundAndTwoAreNamed() throws {
    let guest = SyntheticGuest.sample().guest
    guest.symbols["prog_idr.llvm.13041973212388"] = guest.symbols["prog_idr"]
    let file = try guest.image(without: ["prog_idr"])
    let programs = try BPFPrograms(guest.memory, kernel: file)
    #expect(try programs.list(BPFProgramQuery()).names == ["lab_init", "lab_with_a_long", "probe"])
    guest.symbols["prog_idr.llvm.7"] = 0x100
    let error = #expect(throws: KernelError.self) {
      try BPFPrograms(guest.memory, kernel: try guest.image(without: ["prog_idr"]))
    }
    let text = "\(try #require(error))"
    #expect(text.contains("vmlinux has prog_idr.llvm.13041973212388 and prog_idr.llvm.7,"))
  }

  @Test func countersOfAKernelWhoseCPUsAreUnknownAreNotZero() throws {
    let guest = SyntheticGuest.sample().guest
    let file = try guest.image(without: ["__per_cpu_offset"])
    let programs = try BPFPrograms(ScriptedMemory(guest.memory), kernel: file)
    #expect(throws: KernelError.self) { try programs.list(BPFProgramQuery(runtime: true)) }
    #expect(try programs.list(BPFProgramQuery()).names == ["lab_init", "lab_with_a_long", "probe"])
  }

  /// A torn source, a dump of a running guest, must not give the count of one moment with the time
  /// of another.
  @Test(arguments: [16, 56, 57, 1000])
  func countersCloseTogetherComeFromOneRead(distance: Int) throws {
    let record = PhysicalAddress(0x1000)
    let memory = ScriptedMemory(ByteBufferMemory([UInt8](repeating: 1, count: 0x3000)))
    let layout = BPFLayout.Statistics(count: 0, nanoseconds: 8, misses: distance)
    struct Flat: AddressSpace {
      func translate(
        page: KernelVirtualAddress, in view: MemoryView
      ) throws(ReadFault) -> PhysicalAddress { PhysicalAddress(page.rawValue) }
    }
    let engine = SnapshotEngine(memory)
    // More than one read takes more than one step.
    engine.stepLimit = 1
    func counters() throws -> RunCounters {
      let snapshot = try engine.snapshot(in: Flat()) { view throws(ReadFault) -> RunCounters in
        try layout.read(at: KernelVirtualAddress(record.rawValue), in: view)
      }
      return snapshot.value
    }
    if distance <= 56 {
      #expect(try counters().misses == 0x0101_0101_0101_0101)
    } else {
      #expect(throws: SnapshotError.self) { try counters() }
      engine.stepLimit = 3
      #expect(try counters().misses == 0x0101_0101_0101_0101)
    }
  }

  @Test func bothWaysToMakeAnAccessorGiveTheSameAnswers() throws {
    let guest = SyntheticGuest.sample().guest
    let memory = guest.memory
    let kernel = try GuestKernel(try guest.image(), in: SnapshotEngine(memory))
    let registers = memory.registers
    memory.registers = [:]
    let accessors: [any StructOpsAccessor] = [
      // Borrows what its maker found, offsets included.
      try BPFPrograms(kernel, SnapshotEngine(memory), layout: try BPFLayout(kernel.btf)),
      // Owns everything, from memory, a file and registers.
      try BPFPrograms(memory, kernel: try guest.image(), registers: registers),
    ]
    for accessor in accessors {
      #expect(
        try accessor.structOpsProgs().value == [
          VerifierStats(name: "lab_init", verifiedInsns: 1234),
          VerifierStats(name: "lab_with_a_long", verifiedInsns: 0),
        ])
      #expect(
        try accessor.structOpsRuntimeStats().value == [
          RuntimeStats(name: "lab_init", counters: RunCounters(cnt: 15, nsecs: 1500, misses: 3)),
          RuntimeStats(
            name: "lab_with_a_long", counters: RunCounters(cnt: 5, nsecs: 7, misses: 9)),
        ])
    }
  }
}
