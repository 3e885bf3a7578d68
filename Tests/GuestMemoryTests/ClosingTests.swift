import GuestScopeGuestMemory
import TestSupport
import Testing

@Suite struct ClosingTests {
  @Test func theSecondSnapshotOfTheSameWalkIsOneSampleOfThePlanAlone() throws {
    let chains = Chains(objects: 7, depth: 4)
    let memory = ScriptedMemory(chains.memory)
    let engine = SnapshotEngine(memory)
    let first = try engine.snapshot { view throws(ReadFault) in try chains.values(in: view) }
    memory.forgetSamples()
    let second = try engine.snapshot { view throws(ReadFault) in try chains.values(in: view) }
    #expect(second.value == first.value)
    #expect((second.waves, second.stops) == (0, 1))
    let plan = chains.words.joined().sorted().map { PhysicalRange($0, count: 8) }
    #expect(memory.samples == [plan])
    #expect((second.closing.reads, second.closing.bytes) == (28, 28 * 8))
  }

  @Test func theClosingSampleDecidesWhatTheAnswerIs() throws {
    let chains = Chains(objects: 2, depth: 1)
    let memory = ScriptedMemory(chains.memory)
    // At every instant both words are the number of that instant.
    memory.meanwhile = { instant in
      for head in chains.heads { chains.memory.write(UInt64(instant + 100), at: head.rawValue) }
    }
    // Without a group: the words are found in two waves.
    let snapshot = try SnapshotEngine(memory).snapshot { view throws(ReadFault) in
      [try view.word(chains.heads[0].rawValue), try view.word(chains.heads[1].rawValue)]
    }
    #expect(snapshot.value == [102, 102])
  }

  @Test func theViewOfASnapshotSaysSoAndHasRegisters() throws {
    let key = RegisterKey(cpu: 0, name: "gs_base")
    let chains = Chains(objects: 1, depth: 1)
    chains.memory.registers = [key: 42]
    var closing: [Bool] = []
    let snapshot = try SnapshotEngine(ScriptedMemory(chains.memory)).snapshot(registers: [key]) {
      view throws(ReadFault) in
      closing.append(view.isSnapshot)
      let value = try? view.registers[key]?.get()
      _ = try view.word(chains.heads[0].rawValue)
      return value
    }
    #expect(snapshot.value == 42)
    #expect(closing == [false, false, true])
  }

  @Test func aPlanIsReplacedNotUnioned() throws {
    let chains = Chains(objects: 2, depth: 1)
    let ram = RAMBuilder(base: 1 << 20, count: 4096)
    let memory = ScriptedMemory(
      ByteBufferMemory(regions: [
        (0, try bytes(of: chains)), (1 << 20, ram.bytes),
      ]))
    let (a, b) = (chains.heads[0].rawValue, chains.heads[1].rawValue)
    let selector: UInt64 = 1 << 20
    let engine = SnapshotEngine(memory)
    func snapshot() throws -> UInt64 {
      try engine.snapshot { view throws(ReadFault) in try view.word(try view.word(selector)) }.value
    }
    memory.guest.write(a, at: selector)
    #expect(try snapshot() == 1)
    memory.guest.write(b, at: selector)
    #expect(try snapshot() == 2)
    memory.forgetSamples()
    #expect(try snapshot() == 2)
    #expect(
      memory.samples == [
        [
          PhysicalRange(PhysicalAddress(b), count: 8),
          PhysicalRange(PhysicalAddress(selector), count: 8),
        ]
      ])
  }

  private func bytes(of chains: Chains) throws -> [UInt8] {
    try chains.memory.bytes(at: PhysicalAddress(0), count: Int(chains.memory.ram.end))
  }

  @Test func aGuestThatMovedOnOnceIsDiscoveredFromThere() throws {
    let chains = Chains(objects: 3, depth: 2)
    let memory = ScriptedMemory(chains.memory)
    // Just before the closing sample object 0 becomes a longer chain by way of object 2's value.
    memory.meanwhile = { instant in
      guard instant == 2 else { return }
      chains.memory.write(chains.words[1][1].rawValue, at: chains.heads[0].rawValue)
    }
    let snapshot = try SnapshotEngine(memory).snapshot { view throws(ReadFault) in
      try view.word(try view.word(chains.heads[0].rawValue))
    }
    #expect(snapshot.value == 2)
    #expect(!snapshot.wasHeld)
    // The first closing sample gave no answer.
    #expect(snapshot.stops == 1)
    #expect(memory.holds == 0)
  }
}
