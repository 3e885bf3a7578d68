import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel
import TestSupport
import Testing

/// What is read of a program once, while the kernel's table has it.
@Suite struct LastingProgramTests {
  private static let query = BPFProgramQuery(runtime: true)

  /// A guest whose kernel has a word of its boot, and where that is.
  private func guest(
    _ version: KernelTypes.Version = .linux6
  ) -> (SyntheticGuest, [SyntheticProgram.Places], canary: PhysicalAddress) {
    var types = KernelTypes.kernel(version)
    types.declare("task_struct", size: 64, [(name: "stack_canary", offset: 8, type: .u64)])
    let (guest, places) = SyntheticGuest.sample(types)
    guest.symbols["init_task"] = guest.dataOffset + 0x700
    let canary = guest.place("init_task") + 8
    guest.ram.write(0x1234_5678_9abc_de00 as UInt64, at: canary)
    return (guest, places, canary)
  }

  private func change<T: FixedWidthInteger & BitwiseCopyable>(
    _ value: T, at place: PhysicalAddress, in guest: SyntheticGuest, _ memory: ScriptedMemory
  ) {
    guest.ram.write(value, at: place)
    memory.become(guest.memory)
  }

  private func rename(
    _ place: SyntheticProgram.Places, in guest: SyntheticGuest, _ memory: ScriptedMemory
  ) {
    guest.ram.write(Array("other___".utf8), at: place.aux + guest.types["bpf_prog_aux.name"])
    memory.become(guest.memory)
  }

  @Test(arguments: KernelTypes.Version.allCases)
  func aLaterSampleReadsOnlyWhatChanges(version: KernelTypes.Version) throws {
    let (guest, places, _) = guest(version)
    let memory = ScriptedMemory(guest.memory)
    let bpf = try guest.bpf(memory)
    let first = try bpf.programs(Self.query).value.objects
    change(
      77 as UInt64, at: places[0].records[1] + guest.types["bpf_prog_stats.cnt"], in: guest, memory)
    let second = try bpf.programs(Self.query)
    #expect(second.waves == 0 && second.value.objects.map(\.name) == first.map(\.name))
    #expect(second.value.objects.map(\.verifiedInsns) == first.map(\.verifiedInsns))
    #expect(second.value.objects[0].perCPU[1].counters.cnt == 77)
    let read = try #require(memory.samples.last)
    func reads(_ place: PhysicalAddress) -> Bool {
      read.contains { $0.start.rawValue <= place.rawValue && place.rawValue < $0.end.rawValue }
    }
    #expect(places.allSatisfy { !reads($0.head) && !reads($0.aux) })
    #expect(places.allSatisfy { reads($0.records[0]) && reads($0.records[1]) })
  }

  /// Without KASLR another boot has the same id for another program at the same address.
  @Test func anotherBootIsAnotherKernel() throws {
    let (guest, places, canary) = guest()
    let memory = ScriptedMemory(guest.memory)
    let bpf = try guest.bpf(memory)
    #expect(try bpf.programs(Self.query).names.first == "lab_init")
    rename(places[0], in: guest, memory)
    change(0x1111_1111_1111_1100 as UInt64, at: canary, in: guest, memory)
    let error = #expect(throws: KernelError.self) { try bpf.programs(Self.query) }
    #expect(error?.isAnotherKernel == true)
  }

  /// Where nothing shows that it is the same boot, all is read again.
  @Test func withoutAWordOfTheBootNothingLasts() throws {
    let (guest, places) = SyntheticGuest.sample()
    let memory = ScriptedMemory(guest.memory)
    let bpf = try guest.bpf(memory)
    #expect(try bpf.programs(Self.query).names.first == "lab_init")
    rename(places[0], in: guest, memory)
    #expect(try bpf.programs(Self.query).names.first == "other___")
  }

  /// The table has a program shortly before that has its id.
  @Test func aProgramThatIsComingIsNotKept() throws {
    let (guest, places, _) = guest()
    let id = places[0].aux + guest.types["bpf_prog_aux.id"]
    let memory = ScriptedMemory(guest.memory)
    change(0 as UInt32, at: id, in: guest, memory)
    let bpf = try guest.bpf(memory)
    #expect(try bpf.programs(Self.query).names == ["lab_with_a_long", "probe"])
    change(3 as UInt32, at: id, in: guest, memory)
    #expect(try bpf.programs(Self.query).names == ["lab_init", "lab_with_a_long", "probe"])
  }

  /// An id at an address is that of one program; another one there has another id.
  @Test func aProgramInPlaceOfAnotherIsRead() throws {
    let (guest, places, _) = guest()
    let memory = ScriptedMemory(guest.memory)
    let bpf = try guest.bpf(memory)
    _ = try bpf.programs(Self.query)
    guest.ram.write(4 as UInt32, at: places[0].aux + guest.types["bpf_prog_aux.id"])
    guest.ram.write(Array("newcomer\0".utf8), at: places[0].aux + guest.types["bpf_prog_aux.name"])
    guest.programs[4] = guest.programs.removeValue(forKey: 3)
    guest.writeIDR()
    memory.become(guest.memory)
    let programs = try bpf.programs(Self.query)
    #expect(
      programs.names.first == "newcomer" && programs.value.objects.map(\.id) == [4, 66, 70_000])
  }
}
