import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeKernelImage
import GuestScopeLinuxKernel
import TestSupport
import Testing

@testable import GuestScopeKernelBPF

@Suite struct LayoutTests {
  @Test(arguments: [
    "bpf_prog.type", "bpf_prog.aux", "bpf_prog_aux.name", "bpf_prog_aux.id",
    "bpf_prog_aux.prog", "bpf_prog_stats.cnt",
    "bpf_prog_stats.nsecs", "idr.idr_base", "xa_node.slots", "xa_node.shift",
  ])
  func aMemberThatEveryAnswerNeedsIsNamedWhereItIsMissing(path: String) throws {
    let btf = try BTF(KernelTypes.kernel(.linux6, without: [path]).blob)
    let error = #expect(throws: BTFError.self) {
      let layouts = StructLayouts(btf)
      _ = try IDR.Layout(btf)
      _ = try layouts.layout(of: BPFProgStruct.self)
      _ = try layouts.layout(of: BPFProgAux.self)
      _ = try layouts.layout(of: BPFProgStats.self)
    }
    let names = path.split(separator: ".")
    #expect(error == .noMember(path: String(names[1]), structName: String(names[0])))
  }

  @Test(arguments: [
    "bpf_prog.len", "bpf_prog.jited_len", "bpf_prog.tag", "bpf_prog.gpl_compatible",
    "bpf_prog_aux.verified_insns", "bpf_prog_aux.load_time", "bpf_prog_aux.user",
    "bpf_prog_aux.used_maps", "bpf_prog_aux.used_map_cnt", "bpf_prog_aux.func",
    "bpf_prog_aux.func_cnt", "bpf_prog_aux.btf", "bpf_prog_stats.misses", "bpf_prog.pages",
  ])
  func anyOtherMemberMayBeMissing(path: String) throws {
    let types = KernelTypes.kernel(.linux6, without: [path])
    let listing = try SyntheticGuest.sample(types).guest.list()
    #expect(listing.names == ["lab_init", "lab_with_a_long", "probe"])
    #expect(listing.unreadable.isEmpty)
  }

  @Test func aKernelWithoutBPFIsNamedWithItsFile() throws {
    let guest = SyntheticGuest.sample().guest
    let error = #expect(throws: KernelError.self) {
      try BPFObjects(guest.memory, kernel: try guest.image(without: ["prog_idr"]))
        .programs(BPFProgramQuery())
    }
    #expect("\(try #require(error))".hasPrefix("vmlinux has no symbol prog_idr: "))
  }

  @Test func aSymbolThatThinLTORenamedIsFoundAndTwoAreNamed() throws {
    let guest = SyntheticGuest.sample().guest
    guest.symbols["prog_idr.llvm.13041973212388"] = guest.symbols["prog_idr"]
    let file = try guest.image(without: ["prog_idr"])
    let bpf = try BPFObjects(guest.memory, kernel: file)
    #expect(try bpf.programs(BPFProgramQuery()).names == ["lab_init", "lab_with_a_long", "probe"])
    guest.symbols["prog_idr.llvm.7"] = 0x100
    let error = #expect(throws: KernelError.self) {
      try BPFObjects(guest.memory, kernel: try guest.image(without: ["prog_idr"]))
        .programs(BPFProgramQuery())
    }
    let text = "\(try #require(error))"
    #expect(text.contains("vmlinux has prog_idr.llvm.13041973212388 and prog_idr.llvm.7,"))
  }

  @Test func countersOfAKernelWhoseCPUsAreUnknownAreNotZero() throws {
    let guest = SyntheticGuest.sample().guest
    let file = try guest.image(without: ["__per_cpu_offset"])
    let bpf = try BPFObjects(ScriptedMemory(guest.memory), kernel: file)
    #expect(throws: KernelError.self) { try bpf.programs(BPFProgramQuery(runtime: true)) }
    #expect(try bpf.programs(BPFProgramQuery()).names == ["lab_init", "lab_with_a_long", "probe"])
  }

  @Test func bothWaysToMakeAnAccessorGiveTheSameAnswers() throws {
    let guest = SyntheticGuest.sample().guest
    let memory = guest.memory
    let kernel = try GuestKernel(try guest.image(), in: SnapshotEngine(memory))
    let registers = memory.registers
    memory.registers = [:]
    let accessors: [any StructOpsAccessor] = [
      // Borrows what its maker found.
      BPFObjects(kernel, SnapshotEngine(memory)),
      // Owns everything, from memory, a file and registers.
      try BPFObjects(memory, kernel: try guest.image(), registers: registers),
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
