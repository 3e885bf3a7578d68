import GuestScopeGuestMemory
import TestSupport
import Testing

@Suite struct DiscoveryTests {
  @Test(arguments: [1, 10, 100], [1, 3, 8])
  func wavesAreAsManyAsPointersAreDeep(objects: Int, depth: Int) throws {
    let chains = Chains(objects: objects, depth: depth)
    let memory = ScriptedMemory(chains.memory)
    let snapshot = try SnapshotEngine(memory).snapshot { view throws(ReadFault) in
      try chains.values(in: view)
    }
    #expect(snapshot.value == (1...UInt64(objects)).map { $0 })
    #expect(snapshot.waves == depth)
    #expect(memory.samples.count == depth + 1)
    #expect((snapshot.stops, snapshot.wasHeld) == (1, false))
  }

  @Test func readsTogetherNoteAllTheirMissesInOnePass() throws {
    let chains = Chains(objects: 5, depth: 1)
    func snapshot(together: Bool) throws -> Snapshot<[UInt64]> {
      try SnapshotEngine(ScriptedMemory(chains.memory)).snapshot { view throws(ReadFault) in
        func word(_ head: PhysicalAddress) throws(ReadFault) -> UInt64 {
          try view.word(head.rawValue)
        }
        return together ? try view.each(chains.heads, word) : try chains.heads.map(word)
      }
    }
    let together = try snapshot(together: true)
    let single = try snapshot(together: false)
    #expect(together.value == [1, 2, 3, 4, 5])
    #expect(single.value == together.value)
    #expect((together.waves, single.waves) == (1, 5))
  }

  @Test func eachOfThemFollowsItsPointersWhileTheOthersGoOn() throws {
    let chains = Chains(objects: 4, depth: 3)
    let snapshot = try SnapshotEngine(ScriptedMemory(chains.memory)).snapshot {
      view throws(ReadFault) -> [UInt64] in
      func end(_ index: Int) throws(ReadFault) -> UInt64 {
        try view.word(try view.word(try view.word(chains.heads[index].rawValue)))
      }
      let (a, b, c, d) = try view.together(end(0), end(1), end(2), end(3))
      let (e, f) = try view.together(end(0), end(1))
      let (g, h, i) = try view.together(end(0), end(1), end(2))
      return [a, b, c, d, e, f, g, h, i]
    }
    #expect(snapshot.value == [1, 2, 3, 4, 1, 2, 1, 2, 3])
    #expect(snapshot.waves == 3)
  }

  @Test func aFaultOfOneIsTheFaultOfAll() throws {
    let chains = Chains(objects: 1, depth: 1)
    #expect(throws: SnapshotError.self) {
      try SnapshotEngine(ScriptedMemory(chains.memory)).snapshot { view throws(ReadFault) in
        _ = try view.together(view.word(chains.heads[0].rawValue), view.word(1 << 50))
      }
    }
  }

  @Test func aMissThatTheWalkerSwallowsIsFetchedAllTheSame() throws {
    let chains = Chains(objects: 1, depth: 1)
    let snapshot = try SnapshotEngine(ScriptedMemory(chains.memory)).snapshot {
      view throws(ReadFault) -> UInt64? in
      do throws(ReadFault) { return try view.word(chains.heads[0].rawValue) } catch { return nil }
    }
    #expect(snapshot.value == 1)
  }

  @Test func discoveryMayFetchMoreThanThePlanHolds() throws {
    let chains = Chains(objects: 1, depth: 1)
    let memory = ScriptedMemory(chains.memory)
    let head = chains.heads[0]
    let page = PhysicalRange(PhysicalAddress(head.rawValue & ~0xfff), count: 4096)
    _ = try SnapshotEngine(memory).snapshot { view throws(ReadFault) in
      try view.load(UInt64.self, at: head, fetching: page)
    }
    #expect(memory.samples == [[page], [PhysicalRange(head, count: 8)]])
  }

  @Test func stepsAreLimited() throws {
    let chains = Chains(objects: 1, depth: 2)
    // A chain that bites its tail.
    chains.memory.write(chains.heads[0].rawValue, at: chains.words[0][1].rawValue)
    let memory = ScriptedMemory(chains.memory)
    let engine = SnapshotEngine(memory)
    engine.stepLimit = 1000
    var reads = 0
    #expect(throws: SnapshotError.self) {
      try engine.snapshot { view throws(ReadFault) in
        var address = chains.heads[0].rawValue
        while true {
          address = try view.word(address)
          reads += 1
        }
      }
    }
    #expect((1000...1010).contains(reads))
    #expect(memory.samples.count <= 3)
  }

  /// A chain of so many words, each the address of the next one.
  private func list(_ count: Int) -> (memory: ByteBufferMemory, head: UInt64) {
    let ram = RAMBuilder(count: (count + 100) * 4096)
    let words = (0...count).map { _ in ram.allocatePage() }
    for (word, next) in zip(words, words.dropFirst()) { ram.write(next.rawValue, at: word) }
    return (ram.memory(), words[0].rawValue)
  }

  private func end(_ view: MemoryView, of head: UInt64) throws(ReadFault) -> UInt64 {
    var address = head
    while address != 0 { address = try view.word(address) }
    return address
  }

  @Test(arguments: [false, true])
  func aChainWithoutAnEndIsCountedUnreadableAndHeldOnce(isStopped: Bool) throws {
    let (guest, head) = list(1900)
    let memory = ScriptedMemory(guest)
    let key = ObjectKey("list", id: 1, at: KernelVirtualAddress(0))
    let snapshot = try SnapshotEngine(isStopped ? guest : memory).snapshot {
      view throws(ReadFault) in
      try view.object(key) { () throws(ReadFault) in try end(view, of: head) }
    }
    #expect(snapshot.value == nil as UInt64?)
    #expect(snapshot.unreadable.map(\.key) == [key])
    // Not that it moved: it is as it is, however often one tries.
    #expect(snapshot.unreadable.map(\.cause.reason) == [.tooDeep(waves: 64)])
    #expect((memory.holds, memory.releases) == (isStopped ? (0, 0) : (1, 1)))
    #expect(memory.samples.count <= 4 * 65)
  }

  @Test func withoutAnObjectToCountTheReasonIsTheSame() throws {
    let (guest, head) = list(100)
    for engine in [SnapshotEngine(guest), SnapshotEngine(ScriptedMemory(guest))] {
      let error = #expect(throws: SnapshotError.self) {
        try engine.explore { view throws(ReadFault) in try end(view, of: head) }
      }
      guard case .unreadable(let cause)? = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
      #expect(cause.reason == .tooDeep(waves: 64))
    }
  }
}
