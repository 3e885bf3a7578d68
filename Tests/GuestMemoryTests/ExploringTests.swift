import GuestScopeGuestMemory
import TestSupport
import Testing

/// What `SnapshotEngine.explore` asks of a guest.
@Suite struct ExploringTests {
  private let chains = Chains(objects: 3, depth: 4)

  private func memory(_ limits: SampleLimits = .none) -> ScriptedMemory {
    ScriptedMemory(chains.memory, limits: limits)
  }

  @Test func itTakesTheWavesAndNoClosing() throws {
    let memory = memory()
    let engine = SnapshotEngine(memory)
    let values = try engine.explore { view throws(ReadFault) in try chains.values(in: view) }
    #expect(values == [1, 2, 3])
    #expect((memory.samples.count, memory.holds) == (4, 0))
    // And once more nothing at all: what was learnt stays.
    _ = try engine.explore { view throws(ReadFault) in try chains.values(in: view) }
    #expect(memory.samples.count == 4)
  }

  /// A busy page table: no closing of it ever fits.
  @Test func whatChangesAtEverySampleDoesNotHinderIt() throws {
    let memory = memory()
    memory.meanwhile = { instant in
      for (object, chain) in chains.words.enumerated() {
        chains.memory.write(UInt64(instant * 100 + object), at: chain[3].rawValue)
        // Another way each time, and each leads to an end.
        let other = chains.words[(object + instant) % 3]
        chains.memory.write(other[2].rawValue, at: chain[1].rawValue)
      }
    }
    let values = try SnapshotEngine(memory).explore { view throws(ReadFault) in
      try chains.values(in: view)
    }
    #expect(values.count == 3)
    #expect((memory.samples.count, memory.holds) == (4, 0))
  }

  @Test func whereStopsAreDearItHoldsTheGuestOnce() throws {
    let memory = memory(
      .limited(reads: 2, pause: .seconds(60), stopCost: .milliseconds(40)))
    let values = try SnapshotEngine(memory).explore { view throws(ReadFault) in
      try chains.values(in: view)
    }
    #expect(values == [1, 2, 3])
    #expect((memory.holds, memory.releases, memory.samplesBeforeHold) == (1, 1, 0))
    // Three reads a wave, two a sample.
    #expect(memory.samples.count == 8)
    #expect(memory.excesses == 0)
  }

  @Test func whereTheHoldsAreTooShortItTakesStops() throws {
    let memory = memory(.limited(reads: .max, pause: .nanoseconds(1), stopCost: .seconds(1)))
    let values = try SnapshotEngine(memory).explore { view throws(ReadFault) in
      try chains.values(in: view)
    }
    #expect(values == [1, 2, 3])
    #expect((memory.holds, memory.releases, memory.isHeld) == (2, 2, false))
    #expect(memory.samples.count == 4)
  }

  @Test func aGuestThatIsHeldAlreadyStaysSo() throws {
    let memory = memory(.limited(reads: .max, stopCost: .seconds(1)))
    try memory.hold()
    _ = try SnapshotEngine(memory).explore { view throws(ReadFault) in try chains.values(in: view) }
    #expect((memory.holds, memory.releases, memory.isHeld) == (1, 0, true))
    #expect(memory.samples.count == 4)
  }

  @Test func aSourceThatBreaksWhileHeldIsReleased() throws {
    let memory = memory(.limited(reads: .max, pause: .seconds(60), stopCost: .seconds(1)))
    memory.fails = { $0.isHeld ? GuestMemError(.lost, "gone") : nil }
    #expect(throws: SnapshotError.self) {
      try SnapshotEngine(memory).explore { view throws(ReadFault) in try chains.values(in: view) }
    }
    #expect((memory.holds, memory.releases, memory.isHeld) == (1, 1, false))
  }
}
