import GuestScopeGuestMemory
import TestSupport
import Testing

/// What an engine says of an answer besides its value, and how it is ended.
@Suite struct OutcomeTests {
  @Test func aSnapshotCarriesTheTimeOfItsLastClosingSample() throws {
    let chains = Chains(objects: 3, depth: 4)
    for reads in [Int.max, 4] {
      let memory = ScriptedMemory(chains.memory, limits: .limited(reads: reads))
      let snapshot = try SnapshotEngine(memory).snapshot { view throws(ReadFault) in
        try chains.values(in: view)
      }
      #expect(snapshot.value == [1, 2, 3])
      #expect(snapshot.time == UInt64(memory.samples.count))
    }
    chains.memory.time = 1_800_000_000_000_000_000
    let frozen = try SnapshotEngine(chains.memory).snapshot { view throws(ReadFault) in
      try chains.values(in: view)
    }
    #expect(frozen.time == 1_800_000_000_000_000_000)
  }

  @Test func aHeldSnapshotCarriesTheTimeAtWhichTheGuestStoodStill() throws {
    let chains = Chains(objects: 3, depth: 8)
    let memory = ScriptedMemory(
      chains.memory,
      limits: .limited(reads: .max, pause: .seconds(60), stopCost: .milliseconds(40)))
    let snapshot = try SnapshotEngine(memory).snapshot { view throws(ReadFault) in
      try chains.values(in: view)
    }
    #expect(snapshot.consistency == .held(stops: 1))
    #expect(snapshot.time == 1)
    #expect(memory.samples.count > 1)
  }

  @Test func anAnswerSaysHowItsPartsRelateInTime() throws {
    let chains = Chains(objects: 3, depth: 4)
    func consistency(_ memory: any GuestMem) throws -> SnapshotConsistency {
      try SnapshotEngine(memory).snapshot { view throws(ReadFault) in
        try chains.values(in: view)
      }.consistency
    }
    #expect(try consistency(chains.memory) == .frozen)
    #expect(try consistency(ScriptedMemory(chains.memory)) == .instant)
    #expect(
      try consistency(ScriptedMemory(chains.memory, limits: .limited(reads: 4)))
        == .perObject(stops: 3))
  }

  /// A list takes a wave a node.
  @Test(arguments: [false, true])
  func aWalkMaySetItsOwnLimitOfWaves(isStopped: Bool) throws {
    let chains = Chains(objects: 1, depth: 300)
    let memory: any GuestMem = isStopped ? chains.memory : ScriptedMemory(chains.memory)
    func values(_ limit: Int) throws -> Snapshot<[UInt64]> {
      try SnapshotEngine(memory).snapshot(waveLimit: limit) { view throws(ReadFault) in
        try chains.values(in: view)
      }
    }
    #expect(try values(300).value == [1])
    let usual = try values(SnapshotEngine.usualWaveLimit)
    #expect(usual.value.isEmpty)
    #expect(usual.unreadable.map(\.cause.reason) == [.tooDeep(waves: 64)])
  }

  @Test func anySourceIsEndedBetweenTwoSamples() throws {
    let chains = Chains(objects: 2, depth: 5)
    for memory in [chains.memory, ScriptedMemory(chains.memory)] as [any GuestMem] {
      let counting = CountingMemory(memory)
      let engine = SnapshotEngine(counting)
      engine.isInterrupted = { counting.samples == 2 }
      let error = #expect(throws: SnapshotError.self) {
        try engine.snapshot { view throws(ReadFault) in try chains.values(in: view) }
      }
      guard case .source(let cause)? = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
      #expect(cause.kind == .interrupted)
      #expect(counting.samples == 2)
      #expect(throws: GuestMemError.self) {
        try engine.readStatic([PhysicalRange(chains.heads[0], count: 8)])
      }
    }
  }

  @Test func progressIsReportedAfterEachSample() throws {
    let chains = Chains(objects: 2, depth: 5)
    let counting = CountingMemory(ScriptedMemory(chains.memory))
    let engine = SnapshotEngine(counting)
    var (reports, bytes) = (0, 0)
    engine.progress = {
      reports += 1
      bytes += $0
    }
    _ = try engine.snapshot { view throws(ReadFault) in try chains.values(in: view) }
    _ = try engine.readStatic([PhysicalRange(chains.heads[0], count: 8)])
    #expect((reports, bytes) == (counting.samples, counting.bytes))
  }
}
