import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeKernelImage
import GuestScopeLinuxKernel
import TestSupport
import Testing

@Suite struct ProgramTests {
  @Test func allThatAProgramSaysIsRead() throws {
    let listing = try SyntheticGuest.sample().guest.list()
    #expect(listing.unreadable.isEmpty)
    let programs = listing.value.objects
    #expect(programs.map(\.id) == [3, 66, 70_000])
    #expect(programs.map(\.name) == ["lab_init", "lab_with_a_long", "probe"])
    #expect(programs.map(\.type) == [27, 27, 2])
    let first = programs[0]
    #expect(first.typeName == "struct_ops" && first.verifiedInsns == 1234)
    #expect(first.runtime == RunCounters(cnt: 15, nsecs: 1500, misses: 3))
    #expect(first.perCPU.map(\.cpu) == [0, 1])
    #expect(first.perCPU[1].counters == RunCounters(cnt: 5, nsecs: 500, misses: 2))
    let details = try #require(first.details)
    #expect(details.tag == [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(details.isGPLCompatible == true)
    #expect((details.loadTime, details.loadedAt) == (5_000_000_000, 1_700_000_005))
    #expect(details.uid == 1000)
    #expect((details.xlatedBytes, details.jitedBytes) == (80, 100))
    #expect(details.mapIDs == [7, 9])
    #expect(details.btfID == 42)
    #expect(programs[1].details?.isGPLCompatible == false)
    #expect(programs[2].details?.mapIDs == [])
    #expect(programs[2].details?.btfID == 0)
    #expect(programs[2].details?.jitedBytes == 0)
  }

  @Test func aProgramWithSubprogramsIsAsLongAsTheyAreTogether() throws {
    let programs = try SyntheticGuest.sample().guest.list().value.objects
    #expect(programs[1].details?.jitedBytes == 167)
  }

  @Test func aKernelThatKeepsLessHasNilNotZero() throws {
    let programs = try SyntheticGuest.sample(.kernel(.linux5)).guest.list().value.objects
    #expect(programs.map(\.name) == ["lab_init", "lab_with_a_long", "probe"])
    #expect(programs[0].runtime == RunCounters(cnt: 15, nsecs: 1500, misses: nil))
    #expect(programs.allSatisfy { $0.verifiedInsns == nil && $0.runtime?.misses == nil })
  }

  /// A sum of which a part is not known is not known.
  @Test(arguments: ["func", "func_cnt"])
  func aKernelThatDoesNotShowSubprogramsHasNoLength(member: String) throws {
    let types = KernelTypes.kernel(.linux6, without: ["bpf_prog_aux." + member])
    let programs = try SyntheticGuest.sample(types).guest.list().value.objects
    #expect(programs.map { $0.details?.jitedBytes } == [nil, nil, nil])
  }

  @Test func aKernelThatDoesNotShowStatisticsHasNilNotZero() throws {
    let types = KernelTypes.kernel(.linux6, without: ["bpf_prog.stats"])
    let programs = try SyntheticGuest.sample(types).guest.list().value.objects
    #expect(programs.count == 3)
    #expect(programs.allSatisfy { $0.runtime == nil && $0.perCPU.isEmpty })
  }

  @Test func onlyWhatAQueryAsksForIsRead() throws {
    let guest = SyntheticGuest.sample().guest
    let memory = ScriptedMemory(guest.memory)
    let bpf = try guest.bpf(memory)
    let type = try bpf.programs(BPFProgramQuery(ObjectQuery(type: 27))).value.objects
    #expect(type.map(\.id) == [3, 66])
    #expect(type.allSatisfy { $0.runtime == nil && $0.details == nil && $0.perCPU.isEmpty })
    func ids(_ ids: Set<UInt64>) throws -> [UInt64] {
      try bpf.programs(BPFProgramQuery(ObjectQuery(ids: ids))).value.objects.map(\.id)
    }
    #expect(try ids([66]) == [66] && ids([67]) == [] && ids([70_000, 3, 1 << 40]) == [3, 70_000])
    _ = try ids([66])
    // Two pages of aux structures and heads; a record of statistics is in neither plan.
    let areas = guest.perCPUAreas.map(\.rawValue)
    let closing = try #require(memory.samples.last)
    #expect(!closing.contains { range in areas.contains { $0 == range.start.rawValue & ~0xfff } })
  }

  @Test func typesHaveTheNamesOfBpftool() throws {
    let types = try SyntheticGuest.sample().guest.bpf().kernel.programTypes
    #expect(types[27] == "struct_ops" && types[99] == nil)
    #expect(types.number(of: "kprobe") == 2 && types.number(of: "Kprobe") == nil)
  }

  @Test func namesAreTextWhateverTheirBytes() throws {
    let guest = SyntheticGuest()
    for (id, name) in [
      Array("sixteen_letters!".utf8), [0x61, 0xff, 0xc3, 0x28, 0, 0x62], [], [0xe2, 0x82],
    ].enumerated() {
      var program = SyntheticProgram(id: UInt64(id + 1), name: "")
      program.name = name
      guest.add(program)
    }
    guest.writeIDR()
    #expect(try guest.list().names == ["sixteen_letters!", "a\u{fffd}\u{fffd}(", "", "\u{fffd}"])
  }

  @Test func aRecordedGuestPlaysBackToTheSamePrograms() throws {
    let guest = SyntheticGuest.sample().guest
    let recording = RecordingMemory(ScriptedMemory(guest.memory))
    let live = try guest.bpf(recording).programs(BPFProgramQuery(runtime: true, details: true))
    let memory = recording.memory
    #expect(memory.ram.byteCount < guest.memory.ram.byteCount / 2)
    let replayed = try guest.bpf(memory).programs(BPFProgramQuery(runtime: true, details: true))
    #expect(replayed.unreadable.isEmpty)
    #expect(replayed.names == live.names)
    #expect(replayed.value.objects.map(\.runtime) == live.value.objects.map(\.runtime))
  }

  @Test func aWallClockThatIsUnreadableIsAbsent() throws {
    let guest = SyntheticGuest.sample().guest
    guest.symbols["tk_core"] = 1 << 24
    let listing = try guest.list()
    #expect(listing.names == ["lab_init", "lab_with_a_long", "probe"])
    #expect(listing.value.objects.allSatisfy { $0.details?.loadedAt == nil })
    #expect(listing.unreadable.isEmpty)
  }

  @Test func theWallClockTakesNoWaveOfItsOwn() throws {
    let guest = SyntheticGuest.sample().guest
    let with = try guest.list()
    guest.symbols["tk_core"] = nil
    let without = try guest.list()
    #expect(with.value.objects[0].details?.loadedAt != nil)
    #expect(without.value.objects[0].details?.loadedAt == nil)
    #expect(with.waves == without.waves)
  }

  /// What details lead to takes one wave more; they themselves lie beside the rest of their structure.
  @Test func detailsAreReadWithWhatEveryAnswerNeeds() throws {
    let guest = SyntheticGuest.sample().guest
    let plain = try guest.bpf().programs(BPFProgramQuery())
    let detailed = try guest.bpf().programs(BPFProgramQuery(details: true))
    #expect(detailed.value.objects.allSatisfy { $0.details?.mapIDs != nil })
    #expect(detailed.waves == plain.waves + 1)
  }

  // MARK: What is wrong with one program

  /// Lists a guest in which one thing was broken.
  private func broken(
    _ change: (SyntheticGuest, [SyntheticProgram.Places]) -> Void
  ) throws -> Snapshot<BPFObjects.Programs> {
    let (guest, places) = SyntheticGuest.sample()
    change(guest, places)
    let memory = ScriptedMemory(guest.memory)
    let listing = try guest.bpf(memory).programs(BPFProgramQuery(runtime: true, details: true))
    #expect(memory.samples.joined().allSatisfy(memory.ram.contains))
    #expect(memory.holds == 0)
    return listing
  }

  @Test(arguments: [0, 1, 0xffff_8000_0000_0000, .max - 7] as [UInt64])
  func aProgramThatIsUnreadableIsLeftOutCountedAndNamed(aux: UInt64) throws {
    let listing = try broken { guest, places in
      guest.ram.write(aux, at: places[1].head + guest.types["bpf_prog.aux"])
    }
    #expect(listing.names == ["lab_init", "probe"])
    #expect(listing.unreadable.map { "\($0.key)" } == ["program 66"])
  }

  @Test func aFreedProgramIsNoAnswer() throws {
    let other = try broken { guest, places in
      guest.ram.write(places[0].program, at: places[1].aux + guest.types["bpf_prog_aux.prog"])
    }
    #expect(other.names == ["lab_init", "probe"])
    #expect("\(other.unreadable[0])".contains("bpf_prog_aux of another program"))
    let reused = try broken { guest, places in
      guest.ram.write(67 as UInt32, at: places[1].aux + guest.types["bpf_prog_aux.id"])
    }
    #expect(reused.names == ["lab_init", "probe"])
    #expect("\(reused.unreadable[0])".contains("another id"))
  }

  @Test(arguments: [4097, .max] as [UInt32], ["used_map_cnt", "func_cnt"])
  func absurdCountsMakeOnlyTheirProgramUnreadable(count: UInt32, member: String) throws {
    let listing = try broken { guest, places in
      guest.ram.write(count, at: places[1].aux + guest.types["bpf_prog_aux.\(member)"])
    }
    #expect(listing.names == ["lab_init", "probe"])
    #expect("\(listing.unreadable[0])".contains("\(count)"))
  }

  @Test func aPageTableHoleTakesOneProgramOnly() throws {
    let listing = try broken { guest, places in
      guest.ram.write(0 as UInt64, at: guest.tables.entry(of: places[2].program, level: 3))
    }
    #expect(listing.names == ["lab_init", "lab_with_a_long"])
    #expect("\(listing.unreadable[0])".contains("is not mapped"))
  }

  @Test(arguments: [0x7fff_ffff_0000, 1 << 63, 0xffff_ffff_0000_0000] as [UInt64])
  func aStatisticsPointerIntoNowhereTakesOneProgramOnly(pointer: UInt64) throws {
    let listing = try broken { guest, places in
      guest.ram.write(pointer, at: places[0].head + guest.types["bpf_prog.stats"])
    }
    #expect(listing.names == ["lab_with_a_long", "probe"])
    #expect(listing.unreadable.count == 1)
  }

  @Test func aPerCPURecordInVmallocMemoryIsWalkedTo() throws {
    let (guest, places) = SyntheticGuest.sample()
    // A dynamic chunk: the pointer is any number, only the sums are addresses.
    let (virtual, pages) = guest.vmalloc(pages: 8)
    let pointer = virtual &- guest.perCPUOffset(0)
    let second = guest.perCPUOffset(1) &- guest.perCPUOffset(0)
    try #require(second == 4096)
    guest.ram.write(pointer, at: places[0].head + guest.types["bpf_prog.stats"])
    for (cpu, page) in pages.prefix(2).enumerated() {
      guest.ram.write(UInt64(cpu + 20), at: page + guest.types["bpf_prog_stats.cnt"])
    }
    let program = try guest.list().value.objects[0]
    #expect(program.perCPU.map(\.counters.cnt) == [20, 21])
  }
}
