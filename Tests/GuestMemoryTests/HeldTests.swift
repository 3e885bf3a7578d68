import GuestScopeGuestMemory
import TestSupport
import Testing

@Suite struct HeldTests {
  /// Object 0's first word leads to another chain at each instant: no plan ever fits.
  private func restless(_ objects: Int = 12) -> (Chains, ScriptedMemory) {
    let chains = Chains(objects: objects, depth: 2)
    let memory = ScriptedMemory(
      chains.memory, limits: .limited(reads: .max, pause: .seconds(60)))
    memory.meanwhile = { instant in
      let other = 1 + instant % (objects - 1)
      chains.memory.write(chains.words[other][1].rawValue, at: chains.heads[0].rawValue)
    }
    return (chains, memory)
  }

  @Test func aGuestThatNeverRestsIsHeldAfterThreeAttempts() throws {
    let (chains, memory) = restless()
    let snapshot = try SnapshotEngine(memory).snapshot { view throws(ReadFault) in
      try view.word(try view.word(chains.heads[0].rawValue))
    }
    #expect(snapshot.wasHeld)
    #expect((memory.holds, memory.releases, memory.isHeld) == (1, 1, false))
    #expect(snapshot.stops == 1)
    // The guest stood still: what it holds now is what was answered.
    let chain = try chains.memory.u64(at: chains.heads[0])
    #expect(try chains.memory.u64(at: PhysicalAddress(chain)) == snapshot.value)
    // Three discoveries with their closing samples came before.
    let before = try #require(memory.samplesBeforeHold)
    #expect((6...9).contains(before))
  }

  /// Three objects, each of which leads along another chain of thirty words at each instant.
  private func swirling(
    reads: Int
  ) throws -> (snapshot: Snapshot<[UInt64]>, memory: ScriptedMemory, samplesInHolds: Int) {
    let chains = Chains(objects: 43, depth: 30)
    let memory = ScriptedMemory(
      chains.memory, limits: .limited(reads: reads, pause: .nanoseconds(1)))
    memory.meanwhile = { instant in
      for head in chains.heads.prefix(3) {
        chains.memory.write(chains.words[3 + instant % 40][1].rawValue, at: head.rawValue)
      }
    }
    let snapshot = try SnapshotEngine(memory).snapshot { view throws(ReadFault) in
      var values: [UInt64] = []
      for (id, head) in chains.heads.prefix(3).enumerated() {
        let value = try view.object(chains.key(id)) { () throws(ReadFault) in
          var address = head.rawValue
          for _ in 0..<30 { address = try view.word(address) }
          return address
        }
        if let value { values.append(value) }
      }
      return values
    }
    let before = try #require(memory.samplesBeforeHold)
    return (snapshot, memory, memory.samples.count - before)
  }

  @Test func aHeldGuestIsLetGoAtTheDeadlineAndTheRestCounted() throws {
    let (snapshot, memory, samples) = try swirling(reads: .max)
    #expect(snapshot.wasHeld)
    #expect(snapshot.value.isEmpty)
    #expect(snapshot.unreadable.count == 3)
    #expect(Set(snapshot.unreadable.map(\.cause.reason)) == [.moving])
    // One wave in each of eight holds.
    #expect(samples == 8)
    #expect((memory.holds, memory.releases) == (8, 8))
  }

  @Test func theDeadlineOfAHoldCountsWithinAWaveToo() throws {
    let (_, memory, samples) = try swirling(reads: 40)
    #expect(memory.holds >= 8)
    // Each takes three samples, but for the deadline.
    #expect(samples == memory.holds)
    #expect(memory.excesses == 0)
  }

  /// Samples of a guest that stands still have no limit of their own; the hold has.
  @Test(arguments: [false, true])
  func eachSampleOfAHoldIsWithinThePauseToo(explores: Bool) throws {
    let chains = Chains(objects: 200, depth: 2)
    var limits = SampleLimits.limited(reads: .max, pause: .seconds(60), stopCost: .seconds(100))
    // Fifty reads in as long as a stop takes.
    limits.readCost = 2e9
    let memory = ScriptedMemory(chains.memory, limits: limits)
    var held: [SampleLoad] = []
    memory.fails = { memory in
      if memory.isHeld { held.append(limits.load(memory.samples.last!)) }
      return nil
    }
    let engine = SnapshotEngine(memory)
    if explores {
      #expect(
        try engine.explore { view throws(ReadFault) in try chains.values(in: view) }.count == 200)
    } else {
      let snapshot = try engine.snapshot { view throws(ReadFault) in try chains.values(in: view) }
      #expect(snapshot.value.count == 200)
      #expect(snapshot.wasHeld)
    }
    #expect((memory.holds, memory.releases) == (1, 1))
    #expect(held.count == 8)
    for load in held { #expect(limits.admit(load)) }
  }

  /// A source whose guest cannot be held, and never rests.
  private final class Unholdable: GuestMem {
    let source: ScriptedMemory
    init(_ source: ScriptedMemory) { self.source = source }
    var ram: RAMMap { source.ram }
    var consistency: Consistency { .instant }
    var limits: SampleLimits { source.limits }
    func sample(
      ranges: [PhysicalRange], registers: [RegisterKey]
    ) throws(GuestMemError) -> Sample {
      try source.sample(ranges: ranges, registers: registers)
    }
    func hold() {}
    func release() {}
  }

  @Test(.timeLimit(.minutes(1))) func aGuestThatCannotBeHeldIsGivenUp() throws {
    let (chains, memory) = restless()
    let error = #expect(throws: SnapshotError.self) {
      try SnapshotEngine(Unholdable(memory)).snapshot { view throws(ReadFault) in
        try view.word(try view.word(chains.heads[0].rawValue))
      }
    }
    guard case .unreadable(let cause)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(cause.reason == .moving)
  }

  /// The way to a stub far away is long, and no guest stands still for it.
  @Test func aLongWayIsNoDearStop() throws {
    let chains = Chains(objects: 3, depth: 8)
    var limits = SampleLimits.limited(
      reads: .max, pause: .seconds(60), stopCost: .milliseconds(1))
    limits.roundTrip = .milliseconds(10)
    let memory = ScriptedMemory(chains.memory, limits: limits)
    let snapshot = try SnapshotEngine(memory).snapshot { view throws(ReadFault) in
      try chains.values(in: view)
    }
    #expect(snapshot.value == [1, 2, 3])
    #expect(memory.holds == 0)
  }

  @Test func whereAStopIsDearerThanThePauseThereAreFewOfThem() throws {
    let chains = Chains(objects: 200, depth: 2)
    var limits = SampleLimits.limited(
      reads: .max, pause: .milliseconds(2), stopCost: .milliseconds(40))
    limits.readCost = 10_000
    let memory = ScriptedMemory(chains.memory, limits: limits)
    let engine = SnapshotEngine(memory)
    _ = try engine.snapshot { view throws(ReadFault) in try chains.values(in: view) }
    memory.forgetSamples()
    let snapshot = try engine.snapshot { view throws(ReadFault) in try chains.values(in: view) }
    #expect(snapshot.value.count == 200)
    // 400 reads take a tenth of what a stop takes, though twice as long as a pause may be.
    #expect(memory.samples.count == 1)
  }

  @Test func whereStopsAreDearDiscoveryHappensInOneOfThem() throws {
    let chains = Chains(objects: 3, depth: 8)
    let memory = ScriptedMemory(
      chains.memory,
      limits: .limited(reads: .max, pause: .seconds(60), stopCost: .milliseconds(40)))
    let engine = SnapshotEngine(memory)
    let first = try engine.snapshot { view throws(ReadFault) in try chains.values(in: view) }
    #expect(first.value == [1, 2, 3])
    #expect(first.wasHeld)
    #expect((memory.holds, memory.releases, memory.samplesBeforeHold) == (1, 1, 0))
    memory.forgetSamples()
    // The plan is known: nothing is left to discover, and one sample does.
    let second = try engine.snapshot { view throws(ReadFault) in try chains.values(in: view) }
    #expect(second.value == [1, 2, 3])
    #expect(!second.wasHeld)
    #expect((memory.holds, memory.samples.count) == (1, 1))
  }

  @Test func aHoldThatWasTooShortIsGoneOnFrom() throws {
    let chains = Chains(objects: 4, depth: 2)
    let memory = ScriptedMemory(
      chains.memory,
      limits: .limited(reads: .max, pause: .nanoseconds(1), stopCost: .seconds(1)))
    let snapshot = try SnapshotEngine(memory).snapshot { view throws(ReadFault) in
      try chains.values(in: view)
    }
    #expect(snapshot.value == [1, 2, 3, 4])
    #expect(snapshot.wasHeld)
    #expect((memory.holds, memory.releases) == (2, 2))
  }

  @Test func bothWaysGiveTheSameAnswer() throws {
    let chains = Chains(objects: 9, depth: 5)
    let answers = try [Duration.zero, .seconds(1)].map { stopCost in
      let memory = ScriptedMemory(
        chains.memory,
        limits: .limited(reads: 100, pause: .seconds(60), stopCost: stopCost))
      return try SnapshotEngine(memory).snapshot { view throws(ReadFault) in
        try chains.values(in: view)
      }
    }
    #expect(answers.map(\.wasHeld) == [false, true])
    #expect(answers[0].value == answers[1].value)
  }

  @Test func aSourceThatBreaksWhileHeldIsReleased() throws {
    let (chains, memory) = restless()
    memory.fails = { $0.isHeld ? GuestMemError(.lost, "gone") : nil }
    #expect(throws: SnapshotError.self) {
      try SnapshotEngine(memory).snapshot { view throws(ReadFault) in
        try view.word(try view.word(chains.heads[0].rawValue))
      }
    }
    #expect((memory.holds, memory.releases, memory.isHeld) == (1, 1, false))
  }

  @Test func aWalkerThatFailsWhileHeldIsReleased() throws {
    let (chains, memory) = restless()
    #expect(throws: SnapshotError.self) {
      try SnapshotEngine(memory).snapshot { view throws(ReadFault) -> UInt64 in
        let value = try view.word(try view.word(chains.heads[0].rawValue))
        if memory.isHeld { throw .corrupt("garbage", at: KernelVirtualAddress(value)) }
        return value
      }
    }
    #expect((memory.holds, memory.releases, memory.isHeld) == (1, 1, false))
  }

  @Test func aFrozenSourceIsNeverHeld() throws {
    let chains = Chains(objects: 4, depth: 3)
    let counting = CountingMemory(chains.memory)
    let engine = SnapshotEngine(counting)
    let first = try engine.snapshot { view throws(ReadFault) in try chains.values(in: view) }
    #expect((first.wasHeld, first.stops) == (false, 1))
    let samples = counting.samples
    let second = try engine.snapshot { view throws(ReadFault) in try chains.values(in: view) }
    #expect(second.value == first.value)
    #expect(counting.samples == samples + 1)
  }
}
