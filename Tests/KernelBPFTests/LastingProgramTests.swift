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

  /// A list reads how many maps a program has, and what they are only when these have become more.
  @Test(arguments: KernelTypes.Version.allCases)
  func aLaterListReadsAWordOfAProgram(version: KernelTypes.Version) throws {
    let (guest, places, _) = guest(version)
    let memory = ScriptedMemory(guest.memory)
    let bpf = try guest.bpf(memory)
    let query = BPFProgramQuery(details: true)
    let first = try bpf.programs(query).value.objects
    let second = try bpf.programs(query)
    #expect(second.waves == 0)
    #expect(second.value.objects.map(\.details?.mapIDs) == first.map(\.details?.mapIDs))
    #expect(first.contains { $0.details?.mapIDs?.isEmpty == false })
    let read = try #require(memory.samples.last)
    let count = guest.types["bpf_prog_aux.used_map_cnt"]
    let maps = guest.types["bpf_prog_aux.used_maps"]
    for place in places {
      func reads(_ offset: Int) -> Bool {
        let word = place.aux.rawValue + UInt64(offset)
        return read.contains { $0.start.rawValue <= word && word < $0.end.rawValue }
      }
      #expect(reads(count) && !reads(maps))
    }
  }

  /// Who asks for one type has the others' heads as well, and any of them may be the newest.
  @Test func aGuestThatWasSetBackIsNoticedByItsOtherPrograms() throws {
    let (guest, places, _) = guest()
    var other = SyntheticProgram(id: 5, name: "other")
    other.type = 1
    let newest = guest.add(other)
    guest.writeIDR()
    let query = BPFProgramQuery(ObjectQuery(type: 27), runtime: true)
    let memory = ScriptedMemory(guest.memory)
    let bpf = try guest.bpf(memory)
    for round in 0..<3 {
      let programs = try bpf.programs(query)
      #expect(programs.names.first == "lab_init" && programs.value.otherTypes > 0)
      #expect(round == 0 || programs.waves == 0)
    }
    rename(places[0], in: guest, memory)
    let loadTime = newest.aux + guest.types["bpf_prog_aux.load_time"]
    change(5_000_000_001 as UInt64, at: loadTime, in: guest, memory)
    let error = #expect(throws: KernelError.self) { try bpf.programs(query) }
    #expect(error?.isAnotherKernel == true, "\(error as Any)")
  }

  /// It is unreadable in each answer, and takes no other with it.
  @Test func aDamagedProgramIsNotATurnBackOfTime() throws {
    let (guest, places, _) = guest()
    guest.ram.write(0 as UInt64, at: places[0].head + guest.types["bpf_prog.aux"])
    let bpf = try guest.bpf(ScriptedMemory(guest.memory))
    for _ in 0..<3 {
      let programs = try bpf.programs(Self.query)
      #expect(programs.names == ["lab_with_a_long", "probe"] && programs.unreadable.count == 1)
    }
  }

  /// The same id, and the same aux, of a head that is elsewhere.
  @Test func whatLastsBelongsToTheHeadAtItsAddress() throws {
    let (guest, places, _) = guest()
    let memory = ScriptedMemory(guest.memory)
    let bpf = try guest.bpf(memory)
    #expect(try bpf.programs(Self.query).names.first == "lab_init")
    let moved = guest.add(SyntheticProgram(id: 3, name: "unused"))
    let size = 256
    guest.ram.write(
      Array(guest.ram.bytes[Int(places[0].head.rawValue)...].prefix(size)), at: moved.head)
    guest.ram.write(moved.program, at: places[0].aux + guest.types["bpf_prog_aux.prog"])
    guest.writeIDR()
    rename(places[0], in: guest, memory)
    #expect(try bpf.programs(Self.query).names.first == "other___")
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

  /// Set back to an earlier state, a guest may give the same id to another program at the same address. The
  /// newest of those that are known shows that none of them is another one.
  @Test func aGuestThatWasSetBackIsAnotherKernel() throws {
    let (guest, places, _) = guest()
    let memory = ScriptedMemory(guest.memory)
    let bpf = try guest.bpf(memory)
    #expect(try bpf.programs(Self.query).names.first == "lab_init")
    #expect(try bpf.programs(Self.query).names.first == "lab_init")
    rename(places[0], in: guest, memory)
    let loadTime = places[0].aux + guest.types["bpf_prog_aux.load_time"]
    change(5_000_000_001 as UInt64, at: loadTime, in: guest, memory)
    let error = #expect(throws: KernelError.self) { try bpf.programs(Self.query) }
    #expect(error?.isAnotherKernel == true, "\(error as Any)")
    #expect("\(error as Any)".contains("program 3"))
  }

  /// What earlier snapshots know of page tables says what to read of them: all levels come in one wave.
  @Test func aNewProgramTakesFewWaves() throws {
    let (guest, _, _) = guest()
    let memory = ScriptedMemory(guest.memory)
    let bpf = try guest.bpf(memory)
    _ = try bpf.programs(Self.query)
    guest.add(SyntheticProgram(id: 5, name: "new"))
    guest.writeIDR()
    memory.become(guest.memory)
    let programs = try bpf.programs(Self.query)
    #expect(programs.names.contains("new") && programs.consistency == .instant)
    // Three nodes of the table, page tables, the program, and what hangs on it.
    #expect(programs.waves == 6)
  }

  /// A program that the same snapshot finds says nothing about those that were known before.
  @Test func aNewProgramDoesNotHideThatTheGuestWasSetBack() throws {
    let (guest, places, _) = guest()
    guest.add(SyntheticProgram(id: 5, name: "newest"))
    guest.writeIDR()
    let memory = ScriptedMemory(guest.memory)
    let bpf = try guest.bpf(memory)
    #expect(try bpf.programs(Self.query).names.prefix(2) == ["lab_init", "newest"])
    // Of the other past the newest one is elsewhere, and the one before it where it was.
    guest.add(SyntheticProgram(id: 5, name: "elsewhere"))
    guest.writeIDR()
    rename(places[0], in: guest, memory)
    let loadTime = places[0].aux + guest.types["bpf_prog_aux.load_time"]
    change(5_000_000_001 as UInt64, at: loadTime, in: guest, memory)
    let error = #expect(throws: KernelError.self) { try bpf.programs(Self.query) }
    #expect(error?.isAnotherKernel == true, "\(error as Any)")
  }

  /// A query for one program checks the others in its node as well.
  @Test func aQueryForOneProgramNoticesThatTheGuestWasSetBack() throws {
    let (guest, places, _) = guest()
    let neighbour = guest.add(SyntheticProgram(id: 5, name: "neighbour"))
    guest.writeIDR()
    let memory = ScriptedMemory(guest.memory)
    let bpf = try guest.bpf(memory)
    _ = try bpf.programs(Self.query)
    let loadTime = neighbour.aux + guest.types["bpf_prog_aux.load_time"]
    rename(places[0], in: guest, memory)
    change(5_000_000_001 as UInt64, at: loadTime, in: guest, memory)
    let query = BPFProgramQuery(ObjectQuery(ids: [3]), runtime: true)
    let error = #expect(throws: KernelError.self) { try bpf.programs(query) }
    #expect(error?.isAnotherKernel == true, "\(error as Any)")
  }

  /// A program costs nothing in later samples, and 64 of them cost one read of a word.
  @Test func oneProgramOfANodeShowsThatTheOthersAreTheSame() throws {
    let (guest, places, _) = guest()
    let more = (4..<10).map { guest.add(SyntheticProgram(id: $0, name: "p\($0)")) }
    guest.writeIDR()
    let memory = ScriptedMemory(guest.memory)
    let bpf = try guest.bpf(memory)
    for _ in 0..<2 { _ = try bpf.programs(Self.query) }
    let read = try #require(memory.samples.last)
    let times = ([places[0]] + more).map { $0.aux + guest.types["bpf_prog_aux.load_time"] }
    #expect(
      times.map { time in
        read.contains { $0.start.rawValue <= time.rawValue && time.rawValue < $0.end.rawValue }
      }
        == [false, false, false, false, false, false, true])
  }

  /// What one session was shown, another one need not read.
  @Test func anotherSessionOfTheSameBootReadsOnlyWhatChanges() throws {
    let (guest, places, canary) = guest()
    let first = SnapshotEngine(ScriptedMemory(guest.memory))
    let facts = try guest.image()
    let found = try GuestKernel(facts, in: first)
    let names = try BPFObjects(found, first).programs(Self.query).names
    let kernel = try #require(found.remembered)
    func recalled() throws -> (BPFObjects, ScriptedMemory) {
      let memory = ScriptedMemory(guest.memory)
      let engine = SnapshotEngine(memory)
      let kernel = try #require(
        GuestKernel(recalling: kernel, facts, guide: first.remembered, in: engine))
      return (BPFObjects(kernel, engine), memory)
    }
    let (bpf, memory) = try recalled()
    #expect(try bpf.programs(Self.query).names == names)
    #expect(memory.samples.count == 1)
    let name = places[0].aux + guest.types["bpf_prog_aux.name"]
    #expect(
      !memory.samples[0].contains {
        $0.start.rawValue <= name.rawValue && name.rawValue < $0.end.rawValue
      })
    guest.ram.write(0x1111_1111_1111_1100 as UInt64, at: canary)
    let error = #expect(throws: KernelError.self) { try recalled().0.programs(Self.query) }
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
