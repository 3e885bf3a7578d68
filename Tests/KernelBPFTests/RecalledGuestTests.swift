import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel
import TestSupport
import Testing

/// Programs of a guest whose kernel an earlier session has found.
@Suite struct RecalledGuestTests {
  private static let query = BPFProgramQuery(runtime: true, details: true)

  /// What an earlier session leaves, and what it said.
  private func leave(
    _ guest: SyntheticGuest
  ) throws -> (kernel: RememberedKernel, guide: RememberedMemory, answer: String) {
    let bpf = try guest.bpf()
    let programs = try bpf.programs(Self.query).value.objects
    return (try #require(bpf.kernel.remembered), bpf.engine.remembered, "\(programs)")
  }

  private func recall(
    _ guest: SyntheticGuest, _ kernel: RememberedKernel, _ guide: RememberedMemory
  ) throws -> (bpf: BPFObjects, memory: ScriptedMemory) {
    let memory = ScriptedMemory(guest.memory)
    let engine = SnapshotEngine(memory)
    let kernel = try #require(
      GuestKernel(recalling: kernel, try guest.image(), guide: guide, in: engine))
    return (BPFObjects(kernel, engine), memory)
  }

  @Test func theSameAnswerComesInOneStop() throws {
    let (guest, _) = SyntheticGuest.sample()
    let (kernel, guide, answer) = try leave(guest)
    let (bpf, memory) = try recall(guest, kernel, guide)
    let snapshot = try bpf.programs(Self.query)
    #expect("\(snapshot.value.objects)" == answer)
    #expect((snapshot.waves, memory.samples.count) == (0, 1))
    #expect(snapshot.consistency == .instant && snapshot.unreadable.isEmpty)
    // What this session leaves does for the next one.
    var proven = bpf.kernel
    proven.isProven = true
    let (next, samples) = try recall(guest, try #require(proven.remembered), bpf.engine.remembered)
    #expect("\(try next.programs(Self.query).value.objects)" == answer)
    #expect(samples.samples.count == 1)
  }

  /// A name of 15 characters may be a longer one of the program's types, which is a constant.
  @Test func aNameThatHasChangedInMemoryIsSeen() throws {
    let (guest, places) = SyntheticGuest.sample()
    let (kernel, guide, _) = try leave(guest)
    let name = Array("lab_with_b_long".utf8)
    guest.ram.write(name, at: places[1].aux + guest.types["bpf_prog_aux.name"])
    let (bpf, memory) = try recall(guest, kernel, guide)
    #expect(try bpf.programs(Self.query).names == ["lab_init", "lab_with_b_long", "probe"])
    #expect(memory.samples.count == 1)
  }

  @Test func programsThatCameAndWentAreSeen() throws {
    let (guest, _) = SyntheticGuest.sample()
    let (kernel, guide, _) = try leave(guest)
    guest.programs[3] = nil
    guest.add(SyntheticProgram(id: 4, name: "new"))
    guest.writeIDR()
    let (bpf, _) = try recall(guest, kernel, guide)
    let snapshot = try bpf.programs(Self.query)
    #expect(snapshot.names == ["new", "lab_with_a_long", "probe"])
    #expect(snapshot.value.objects.map(\.id) == [4, 66, 70_000])
  }

  @Test func theProgramsOfABootBeforeAreNoAnswer() throws {
    let (guest, _) = SyntheticGuest.sample()
    let (kernel, guide, _) = try leave(guest)
    // After a reset the vCPU is in firmware, and all memory is as it was.
    guest.registers["gs_base"] = 0
    let (bpf, _) = try recall(guest, kernel, guide)
    let error = #expect(throws: KernelError.self) { try bpf.programs(Self.query) }
    #expect(try #require(error).isAnotherKernel)
  }
}
