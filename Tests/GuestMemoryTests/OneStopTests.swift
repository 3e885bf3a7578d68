import GuestScopeGuestMemory
import TestSupport
import Testing

/// Several samples in one stop, for a search that is short.
@Suite struct OneStopTests {
  private let chains = Chains(objects: 1, depth: 4)

  private static func limits(
    stopCost: Duration = .microseconds(300), roundTrip: Duration = .microseconds(20),
    readCost: Double = 8000, pause: Duration? = .milliseconds(2)
  ) -> SampleLimits {
    SampleLimits(
      readBytes: 2048, reads: 100, bytes: 1 << 20, pause: pause, stopCost: stopCost,
      roundTrip: roundTrip, readCost: readCost, byteCost: 4)
  }

  private struct Failure: Error {}

  /// Follows the chain with a sample a word.
  private func follow(_ engine: SnapshotEngine) throws(GuestMemError) -> Int {
    for word in chains.words[0] { _ = try engine.sample([PhysicalRange(word, count: 8)]) }
    return chains.words[0].count
  }

  private func run(
    _ memory: ScriptedMemory, waves: Int = 4,
    _ work: (SnapshotEngine) throws(GuestMemError) -> Int
  ) throws -> Int {
    let engine = SnapshotEngine(memory)
    return try engine.inOneStop(waves: waves) { () throws(GuestMemError) in
      try work(engine)
    } failure: {
      $0
    }
  }

  @Test func whatIsShortIsDoneInOneHold() throws {
    let memory = ScriptedMemory(chains.memory, limits: Self.limits())
    #expect(try run(memory, follow) == 4)
    #expect((memory.holds, memory.releases, memory.samplesBeforeHold) == (1, 1, 0))
    #expect(!memory.isHeld && memory.samples.count == 4)
  }

  /// Where waves, reads or the stop itself take too long, and where nothing is to be gained.
  @Test(arguments: [
    ("many waves", 40, limits()), ("a dear stop", 4, limits(stopCost: .milliseconds(2))),
    ("a long way", 4, limits(roundTrip: .milliseconds(1))),
    ("dear reads", 4, limits(readCost: 60_000)), ("no limit", 4, limits(pause: nil)),
  ])
  func whatIsNotShortIsDoneInStopsOfItsOwn(what: String, waves: Int, limits: SampleLimits) throws {
    let memory = ScriptedMemory(chains.memory, limits: limits)
    #expect(try run(memory, waves: waves, follow) == 4)
    #expect(memory.holds == 0 && memory.samples.count == 4)
  }

  @Test func aGuestThatStandsStillIsNotHeld() throws {
    let memory = CountingMemory(chains.memory)
    let engine = SnapshotEngine(memory)
    let result = try engine.inOneStop(waves: 1) { () throws(GuestMemError) in
      try follow(engine)
    } failure: {
      $0
    }
    #expect(result == 4 && memory.samples == 4)
  }

  @Test func aStopThatIsOverEndsAndTheWorkGoesOn() throws {
    let memory = ScriptedMemory(
      chains.memory,
      limits: Self.limits(stopCost: .zero, roundTrip: .zero, readCost: 0, pause: .nanoseconds(1)))
    #expect(try run(memory, waves: 1, follow) == 4)
    #expect((memory.holds, memory.releases) == (1, 1))
    #expect(!memory.isHeld)
    // After the first sample nothing was held any more.
    #expect(memory.samples.count == 4)
  }

  /// A long read belongs into stops of its own, between which the guest runs; a short one does not.
  @Test(arguments: [(8, true), (16 << 10, true), (16 << 10 + 1, false), (64 << 10, false)])
  func aLongStaticReadEndsTheStop(count: Int, isHeld: Bool) throws {
    let ram = ByteBufferMemory([UInt8](repeating: 1, count: 1 << 20))
    let memory = ScriptedMemory(ram, limits: Self.limits(pause: .seconds(60)))
    _ = try run(memory) { engine throws(GuestMemError) in
      #expect(memory.isHeld)
      let bytes = try engine.readStatic([PhysicalRange(PhysicalAddress(0), count: count)])
      #expect(try! bytes[0].get().count == count)
      #expect(memory.isHeld == isHeld)
      return 0
    }
    #expect((memory.holds, memory.releases, memory.isHeld) == (1, 1, false))
  }

  @Test func theGuestGoesOnWhenTheWorkFails() throws {
    let memory = ScriptedMemory(chains.memory, limits: Self.limits())
    #expect(throws: GuestMemError.self) {
      try run(memory) { _ throws(GuestMemError) in throw GuestMemError(.unsupported, "no") }
    }
    #expect((memory.holds, memory.releases, memory.isHeld) == (1, 1, false))
    memory.fails = { $0.samples.count == 2 ? GuestMemError(.lost, "it broke") : nil }
    #expect(throws: GuestMemError.self) { try run(memory, follow) }
    #expect((memory.holds, memory.releases, memory.isHeld) == (2, 2, false))
  }

  /// Snapshots after it are as they always are.
  @Test func nothingOfItStays() throws {
    let memory = ScriptedMemory(chains.memory, limits: Self.limits())
    let engine = SnapshotEngine(memory)
    _ = try engine.inOneStop(waves: 4) { () throws(GuestMemError) in
      try follow(engine)
    } failure: {
      $0
    }
    let snapshot = try engine.snapshot { view throws(ReadFault) in try chains.values(in: view) }
    #expect(snapshot.value == [1])
    #expect(snapshot.consistency == .instant && memory.holds == 1)
  }
}
