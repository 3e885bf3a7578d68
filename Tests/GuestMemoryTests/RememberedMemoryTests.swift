import GuestScopeBytes
import GuestScopeGuestMemory
import TestSupport
import Testing

/// What an engine remembers, and what another one makes of it.
@Suite struct RememberedMemoryTests {
  private let chains = Chains(objects: 3, depth: 4)

  private func values(_ engine: SnapshotEngine) throws -> Snapshot<[UInt64]> {
    try engine.snapshot { view throws(ReadFault) in try chains.values(in: view) }
  }

  private func remembered(_ memory: any GuestMem) throws -> RememberedMemory {
    let engine = SnapshotEngine(memory)
    _ = try values(engine)
    return engine.remembered
  }

  // MARK: Bytes

  private func bytes(_ memory: RememberedMemory) -> [UInt8] {
    var record = RecordWriter()
    memory.write(to: &record)
    return record.bytes
  }

  private func read(_ bytes: [UInt8]) throws(RecordReader.End) -> RememberedMemory {
    var record = RecordReader(bytes)
    let memory = try RememberedMemory(from: &record)
    guard record.isAtEnd else { throw RecordReader.End() }
    return memory
  }

  @Test func itIsTheSameAfterAFile() throws {
    var memory = try remembered(ScriptedMemory(chains.memory))
    memory.objects = [
      ObjectKey("first", id: 1, at: KernelVirtualAddress(.max)): [
        ObjectKey("part", id: .max, at: KernelVirtualAddress(0)): [[1, 2], []]
      ],
      ObjectKey("second", id: 2, at: KernelVirtualAddress(3)): [:],
    ]
    // Exactly the words of the chains.
    #expect(memory.stretches.count == 12 && memory.stretches.allSatisfy { $0.bytes.count == 8 })
    let again = try read(bytes(memory))
    #expect(again.stretches.map(\.start) == memory.stretches.map(\.start))
    #expect(again.stretches.map(\.bytes) == memory.stretches.map(\.bytes))
    #expect(again.objects == memory.objects)
    #expect(try read(bytes(RememberedMemory())).stretches.isEmpty)
  }

  @Test func noPartOfAFileIsAFile() throws {
    var memory = try remembered(ScriptedMemory(chains.memory))
    memory.objects = [
      ObjectKey("object", id: 1, at: KernelVirtualAddress(2)): [
        ObjectKey("part", id: 3, at: KernelVirtualAddress(4)): [[1, 2]]
      ]
    ]
    let whole = bytes(memory)
    for count in whole.indices {
      #expect(throws: RecordReader.End.self) { try read(Array(whole.prefix(count))) }
    }
    #expect(throws: RecordReader.End.self) { try read(whole + [0]) }
  }

  @Test func damagedFilesNeverCrash() throws {
    let seed = UInt64.random(in: 0 ... .max)
    print("seed of damagedFilesNeverCrash: \(seed)")
    var random = SplitMix(state: seed)
    let whole = bytes(try remembered(ScriptedMemory(chains.memory)))
    for _ in 0..<100 {
      var damaged = whole
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        damaged[.random(in: damaged.indices, using: &random)] = .random(
          in: .min ... .max, using: &random)
      }
      guard let memory = try? read(damaged) else { continue }
      let source = ScriptedMemory(chains.memory)
      let engine = SnapshotEngine(source)
      engine.recall(memory)
      // A guide leads to reads that are of no use, and never to another answer.
      #expect(try values(engine).value == [1, 2, 3])
      #expect(source.samples.joined().allSatisfy(source.ram.contains))
      _ = engine.remembered
    }
  }

  // MARK: As a guide

  @Test func aGuideMakesTheFirstAnswerOneStop() throws {
    let known = try remembered(ScriptedMemory(chains.memory))
    let memory = ScriptedMemory(chains.memory)
    let engine = SnapshotEngine(memory)
    engine.recall(known)
    let snapshot = try values(engine)
    #expect((snapshot.value, snapshot.waves, memory.samples.count) == ([1, 2, 3], 0, 1))
    // What it then remembers is the same.
    #expect(engine.remembered.stretches.map(\.start) == known.stretches.map(\.start))
  }

  @Test func whatHasChangedIsSeen() throws {
    let known = try remembered(ScriptedMemory(chains.memory))
    let end = try #require(chains.words[1].last).rawValue
    chains.memory.write(77, at: end)
    let memory = ScriptedMemory(chains.memory)
    let engine = SnapshotEngine(memory)
    engine.recall(known)
    #expect(try values(engine).value == [1, 77, 3])
    #expect(memory.samples.count == 1)
    // Another way to the end: discovery goes on from what the stop has shown.
    chains.memory.write(chains.words[2][1].rawValue, at: chains.heads[1].rawValue)
    engine.recall(known)
    #expect(try values(engine).value == [1, 3, 3])
  }

  @Test func whatWasKnownBeforeIsForgotten() throws {
    let memory = ScriptedMemory(chains.memory)
    let engine = SnapshotEngine(memory)
    _ = try values(engine)
    engine.recall(RememberedMemory())
    #expect(engine.remembered.stretches.isEmpty)
    memory.forgetSamples()
    #expect(try values(engine).waves == 4)
  }

  /// Notes begin at any word of 4 bytes, variables are as small, and a file may be damaged: what is
  /// known of a part of a word guides to it, and nothing hangs.
  @Test(arguments: [(0, 4), (4, 4), (4, 8), (4, 36), (5, 3), (1, 4096), (4, 4096), (4092, 12)])
  func stretchesOfAnyPlaceAndSizeAreKnown(place: Int, count: Int) throws {
    let bytes = (0..<3 * 4096).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8) }
    let memory = ScriptedMemory(ByteBufferMemory(bytes))
    let start = PhysicalAddress(UInt64(place))
    let wanted = Array(bytes[place..<place + count])
    let engine = SnapshotEngine(memory)
    engine.recall(RememberedMemory([(start, wanted), (start, wanted)]))
    let snapshot = try engine.snapshot { view throws(ReadFault) in
      try view.bytes(at: start, count: count)
    }
    #expect(snapshot.value == wanted)
    #expect(memory.samples.count == 1)
  }

  // MARK: Constants

  private static let key = ObjectKey("chain", id: 1, at: KernelVirtualAddress(1))

  /// The end of a chain, as a constant.
  private func constant(_ engine: SnapshotEngine) throws -> UInt64 {
    try engine.snapshot { view throws(ReadFault) in
      try view.constant(Self.key) { () throws(ReadFault) in
        var address = chains.heads[0].rawValue
        for _ in 0..<4 { address = try view.word(address) }
        return address
      }
    }.value
  }

  /// What the guide holds of it may be of the past.
  @Test func aConstantIsReadInTheFirstStopAfterARecall() throws {
    let first = SnapshotEngine(ScriptedMemory(chains.memory))
    #expect(try constant(first) == 1)
    let known = first.remembered
    #expect(known.stretches.count == 4)
    chains.memory.write(99, at: try #require(chains.words[0].last).rawValue)
    let memory = ScriptedMemory(chains.memory)
    let engine = SnapshotEngine(memory)
    engine.recall(known)
    #expect(try constant(engine) == 99)
    #expect(memory.samples.count == 1)
    // From then on it is one.
    memory.forgetSamples()
    #expect(try constant(engine) == 99)
    #expect(memory.samples.joined().isEmpty)
  }
}
