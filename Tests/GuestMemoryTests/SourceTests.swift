import GuestScopeGuestMemory
import TestSupport
import Testing

@Suite struct SourceTests {
  @Test func aPageThatCannotBeReadSpoilsOnlyItsOwnObject() throws {
    let chains = Chains(objects: 5, depth: 3)
    let memory = ScriptedMemory(chains.memory)
    memory.absentPages = [chains.words[2][1].rawValue >> 12]
    let snapshot = try SnapshotEngine(memory).snapshot { view throws(ReadFault) in
      try chains.values(in: view)
    }
    #expect(snapshot.value == [1, 2, 4, 5])
    #expect(snapshot.unreadable.map(\.key) == [chains.key(2)])
    #expect("\(snapshot.unreadable[0])".contains("E14"))
    #expect(snapshot.waves == 3)
  }

  /// Memory is plugged in while a session is open.
  @Test(arguments: 0..<3) func ramThatIsNewIsSeenBeforeItIsRefused(object: Int) throws {
    let chains = Chains(objects: 3, depth: 3)
    let memory = ScriptedMemory(chains.memory)
    let engine = SnapshotEngine(memory)
    func values() throws -> [UInt64] {
      try engine.snapshot { view throws(ReadFault) in try chains.values(in: view) }.value
    }
    #expect(try values() == [1, 2, 3])
    #expect(memory.looks == 0)
    let word = chains.words[object][1].rawValue & ~7
    for bytes in [0, 1] {
      memory.unseenRAM = word..<word + 8
      if bytes == 0 {
        #expect(try values() == [1, 2, 3])
      } else {
        #expect(try memory.bytes(at: PhysicalAddress(word), count: 8).count == 8)
      }
    }
    #expect(memory.looks == 2)
    // What stays outside is asked for once an answer, and refused.
    let beyond = PhysicalAddress(1 << 50)
    #expect(throws: PhysicalReadError.self) { try memory.bytes(at: beyond, count: 8) }
    #expect(
      try SnapshotEngine(memory).readStatic([PhysicalRange(beyond, count: 8)]) == [
        .failure(.outsideRAM)
      ])
    #expect(memory.looks == 4)
  }

  @Test func anAbsenceIsOfTheMoment() throws {
    let chains = Chains(objects: 2, depth: 2)
    let memory = ScriptedMemory(chains.memory)
    let engine = SnapshotEngine(memory)
    memory.absentPages = [chains.heads[0].rawValue >> 12]
    let first = try engine.snapshot { view throws(ReadFault) in try chains.values(in: view) }
    memory.absentPages = []
    let second = try engine.snapshot { view throws(ReadFault) in try chains.values(in: view) }
    #expect((first.value, second.value) == ([2], [1, 2]))
  }

  @Test(arguments: [.max, .max - 7, 0xffff_8000_0000_0000, 1 << 52] as [UInt64])
  func pointersOutsideRAMAreNeverFollowed(garbage: UInt64) throws {
    let chains = Chains(objects: 3, depth: 2)
    chains.memory.write(garbage, at: chains.heads[1].rawValue)
    let memory = ScriptedMemory(chains.memory)
    let snapshot = try SnapshotEngine(memory).snapshot { view throws(ReadFault) in
      try chains.values(in: view)
    }
    #expect(snapshot.value == [1, 3])
    #expect(snapshot.unreadable.map(\.cause.reason) == [.absent(.outsideRAM)])
    #expect(memory.samples.joined().allSatisfy(memory.ram.contains))
  }

  @Test func whatEveryAnswerNeedsIsAnErrorWhenItIsUnreadable() throws {
    let memory = ScriptedMemory(Chains(objects: 1, depth: 1).memory)
    let error = #expect(throws: SnapshotError.self) {
      try SnapshotEngine(memory).snapshot { view throws(ReadFault) in try view.word(1 << 40) }
    }
    #expect("\(try #require(error))".contains("0x10000000000"))
  }

  @Test func aRecordingPlaysBackToTheSameAnswer() throws {
    let chains = Chains(objects: 6, depth: 4)
    chains.memory.registers = [RegisterKey(cpu: 1, name: "cr3"): 0x1234]
    let recording = RecordingMemory(ScriptedMemory(chains.memory, limits: .limited(reads: 3)))
    func snapshot(_ memory: any GuestMem) throws -> Snapshot<[UInt64]> {
      try SnapshotEngine(memory).snapshot(registers: [RegisterKey(cpu: 1, name: "cr3")]) {
        view throws(ReadFault) in
        try chains.values(in: view)
          + view.registers.values.compactMap { try? $0.get() }
      }
    }
    let live = try snapshot(recording)
    let replayed = try snapshot(recording.memory)
    let buffer = try snapshot(chains.memory)
    #expect(live.value == [1, 2, 3, 4, 5, 6, 0x1234])
    #expect(replayed.value == live.value)
    #expect(buffer.value == live.value)
    // Four pages a chain, and no more.
    #expect(recording.memory.ram.byteCount == 6 * 4 * 4096)
  }

  @Test func aRecordingHasEveryByteOfReadsThatAreNoWholeWords() throws {
    let ram = RAMBuilder(count: 8192)
    ram.write((0..<4096).map { UInt8(truncatingIfNeeded: $0) }, at: PhysicalAddress(4096))
    let recording = RecordingMemory(ScriptedMemory(ram.memory()))
    let reads = [(4096, 4), (4101, 1), (4203, 256), (4500, 3), (8191, 1), (8000, 0)].map {
      PhysicalRange(PhysicalAddress($0.0), count: $0.1)
    }
    let outside = PhysicalRange(PhysicalAddress(8190), count: 3)
    let live = try recording.sample(ranges: reads + [outside], registers: [])
    for (read, outcome) in zip(reads, live.memory) {
      let start = Int(read.start.rawValue)
      #expect(try outcome.get() == Array(ram.bytes[start..<start + read.count]))
    }
    #expect(live.memory.last == .failure(.outsideRAM))
    for read in reads where read.count > 0 {
      let start = Int(read.start.rawValue)
      let replayed = try recording.memory.bytes(at: read.start, count: read.count)
      #expect(replayed == Array(ram.bytes[start..<start + read.count]))
    }
  }

  @Test func singleReadsAreCheckedAgainstTheRAM() throws {
    let memory = ByteBufferMemory(regions: [(0x1000, [1, 2, 3, 4, 5, 6, 7, 8])])
    #expect(try memory.u8(at: PhysicalAddress(0x1007)) == 8)
    #expect(try memory.u32(at: PhysicalAddress(0x1000)) == 0x0403_0201)
    #expect(try memory.u64(at: PhysicalAddress(0x1000)) == 0x0807_0605_0403_0201)
    for (address, count) in [(0x1001, 8), (0xfff, 1), (0x1008, 1), (0x1000, -1)] {
      #expect(throws: PhysicalReadError.self) {
        try memory.bytes(at: PhysicalAddress(UInt64(address)), count: count)
      }
    }
  }

  @Test func aReadMayCrossFromOneRegionOfABufferToTheNext() throws {
    let memory = ByteBufferMemory(regions: [
      (0x1000, [UInt8](repeating: 1, count: 8)), (0x1008, [UInt8](repeating: 2, count: 8)),
    ])
    #expect(
      try memory.u64(at: PhysicalAddress(0x1004)) == 0x0202_0202_0101_0101)
  }

  @Test func staticDataIsSpreadOverSamplesWithinTheLimits() throws {
    let ram = RAMBuilder(count: 64 << 10)
    ram.write((0..<(60 << 10)).map { UInt8(truncatingIfNeeded: $0 / 8) }, at: PhysicalAddress(4096))
    let memory = ScriptedMemory(ram.memory(), limits: .limited(reads: 4))
    let ranges = [
      PhysicalRange(PhysicalAddress(4096), count: 50_000),
      PhysicalRange(PhysicalAddress(1 << 30), count: 8),
      PhysicalRange(PhysicalAddress(8192), count: 0),
      PhysicalRange(PhysicalAddress(60_000), count: 100),
    ]
    let outcomes = try SnapshotEngine(memory).readStatic(ranges)
    #expect(try outcomes[0].get() == Array(ram.bytes[4096..<54_096]))
    #expect(outcomes[1] == .failure(.outsideRAM))
    #expect(try outcomes[2].get() == [])
    #expect(try outcomes[3].get() == Array(ram.bytes[60_000..<60_100]))
    #expect(memory.excesses == 0)
    #expect(memory.samples.count == (50_000 / 2048 + 1 + 1 + 3) / 4)
  }
}
