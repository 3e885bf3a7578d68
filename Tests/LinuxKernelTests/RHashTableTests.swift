import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport
import Testing

@Suite struct RHashTableTests {
  var guest = ContainerGuest()
  let ht: UInt64

  init() { ht = guest.allocate() }

  /// A table with these chains, and its address.
  private func table(_ chains: [[UInt64]], future: UInt64 = 0) -> UInt64 {
    let table = guest.allocate()
    guest.write(UInt32(chains.count), at: table)
    guest.write(future, at: table + 48)
    for (bucket, items) in chains.enumerated() where !items.isEmpty {
      let slot = slot(bucket, of: table)
      guest.write(guest.chain(items, by: "rhash", end: slot | 1), at: slot)
    }
    return table
  }

  private func slot(_ bucket: Int, of table: UInt64) -> UInt64 { table + 64 + UInt64(8 * bucket) }

  private func use(_ table: UInt64, nelems: Int32) {
    guest.write(table, at: ht)
    guest.write(UInt32(bitPattern: nelems), at: ht + 104)
  }

  private func numbers(most: Int = 1000) throws -> Snapshot<[UInt32]> {
    let ht = KernelVirtualAddress(ht)
    return try guest.snapshot { walk throws(ReadFault) in
      try walk.rhashtable(at: ht, of: \Item.rhash, most: most) { $0.number }
    }
  }

  @Test func elementsOfAllBucketsAreFound() throws {
    let items = guest.items(1..<6)
    use(table([[items[0]], [], Array(items[1...3]), [items[4]]]), nelems: 5)
    let found = try numbers()
    #expect(found.value == [1, 2, 3, 4, 5])
    #expect(found.unreadable.isEmpty)
  }

  @Test func aLockedBucketIsReadAllTheSame() throws {
    let items = guest.items(1..<3)
    let table = table([items, []])
    use(table, nelems: 2)
    guest.write(guest.node("rhash", of: items[0]) | 1, at: slot(0, of: table))
    // An empty one that is locked.
    guest.write(1 as UInt64, at: slot(1, of: table))
    let found = try numbers()
    #expect(found.value == [1, 2])
    #expect(found.unreadable.isEmpty)
  }

  @Test func anEmptyTableHasNoElements() throws {
    use(table([[], [], [], []]), nelems: 0)
    let found = try numbers()
    #expect(found.value.isEmpty && found.unreadable.isEmpty)
  }

  @Test func whileARehashMovesElementsEachComesOnce() throws {
    let items = guest.items(1..<7)
    let future = table([[], [items[3]], [items[4], items[5]], []])
    use(table([[items[0], items[1]], [items[2]]], future: future), nelems: 6)
    #expect(try numbers().value == [1, 2, 3, 4, 5, 6])
    // An element that is in both tables, for it was just linked into the other one: its next is
    // that one's first.
    guest.write(
      guest.node("rhash", of: items[4]), at: guest.node("rhash", of: items[1]))
    guest.write(guest.node("rhash", of: items[1]), at: slot(2, of: future))
    let found = try numbers()
    #expect(found.value.sorted() == [1, 2, 3, 4, 5, 6])
    #expect(found.unreadable.isEmpty)
  }

  @Test func aWaveBringsAnElementOfEachChain() throws {
    func waves(_ buckets: Int) throws -> Int {
      let test = RHashTableTests()
      let items = test.guest.items(0..<UInt32(3 * buckets))
      let chains = (0..<buckets).map { Array(items[3 * $0..<3 * $0 + 3]) }
      test.use(test.table(chains), nelems: Int32(items.count))
      return try test.numbers().waves
    }
    #expect(try waves(32) == waves(1))
  }

  @Test func aNestedTableIsRefusedWithASentence() throws {
    let nested = table([guest.items(1..<2)])
    guest.write(7 as UInt32, at: nested + 4)
    use(nested, nelems: 1)
    let found = try numbers()
    #expect(found.value.isEmpty)
    #expect(
      found.unreadable.map(\.description) == [
        "bucket_table 0: a nested table, whose buckets are a tree of pages, is not read"
      ])
    // It takes nothing from the one whose elements are to move to it.
    use(table([guest.items(2..<4)], future: nested), nelems: 3)
    let other = try numbers()
    #expect(other.value == [2, 3])
    #expect(other.unreadable.map(\.key.id) == [1])
  }

  @Test func moreElementsThanAreCountedAreDamage() throws {
    // Each CPU may have one that it has not counted yet.
    let cpus = guest.guest.cpus
    for (nelems, isCut) in [(8, false), (8 - Int32(cpus), false), (7 - Int32(cpus), true)] {
      let test = RHashTableTests()
      test.use(test.table([test.guest.items(1..<9)]), nelems: nelems)
      let found = try test.numbers()
      #expect(found.value.count == (isCut ? 7 : 8))
      #expect(found.unreadable.isEmpty == !isCut)
    }
    use(table([guest.items(1..<9)]), nelems: -5)
    #expect(try numbers().value.count == cpus)
    use(table([guest.items(1..<9)]), nelems: .max)
    #expect(try numbers(most: 3).unreadable.map(\.cause.reason) == [.tooMany(most: 3)])
  }

  @Test func damagedChainsEndAloneAndAreCounted() throws {
    let other = table([[]])
    for (next, words) in [
      (ContainerGuest.poison, "is not mapped"), (0, "a NULL pointer in a chain"),
      (slot(0, of: other) | 1, "a chain that does not end as one of its bucket"),
      (.max, "a chain that leads into itself"),
    ] as [(UInt64, String)] {
      let items = guest.items(1..<5)
      use(table([[items[0], items[1]], [items[2], items[3]]]), nelems: 4)
      let target = next == .max ? guest.node("rhash", of: items[0]) : next
      guest.write(target, at: guest.node("rhash", of: items[1]))
      let found = try numbers()
      #expect(found.value == [1, 2, 3, 4])
      #expect(found.unreadable.count == 1)
      #expect(found.unreadable.allSatisfy { $0.description.contains(words) }, "\(found.unreadable)")
    }
  }

  @Test func anAbsurdSizeIsCountedAndNotRead() throws {
    let large = table([[]])
    guest.write(UInt32.max, at: large)
    use(large, nelems: 1)
    let found = try numbers()
    #expect(found.value.isEmpty)
    #expect(found.unreadable.first?.description.contains("4294967295 buckets of 8 bytes") == true)
  }

  @Test func tablesThatLeadInACircleAreAnError() throws {
    let circle = table([[]])
    guest.write(circle, at: circle + 48)
    use(circle, nelems: 1)
    let error = #expect(throws: SnapshotError.self) { try numbers() }
    #expect(error?.description.contains("a hash table with more than 8 tables") == true)
  }

  @Test(arguments: [0, ContainerGuest.poison] as [UInt64])
  func aTableThatIsNowhereIsAnError(table: UInt64) throws {
    use(table, nelems: 1)
    #expect(throws: SnapshotError.self) { try numbers() }
  }

  @Test func aTableOfSeveralStopsIsWhole() throws {
    var test = self
    let items = test.guest.items(1..<25)
    let chains = (0..<8).map { Array(items[3 * $0..<3 * $0 + 3]) }
    let future = test.table(Array(chains[4...]))
    test.use(test.table(Array(chains[..<4]), future: future), nelems: 24)
    test.guest.limits.reads = 14
    let found = try test.numbers()
    #expect(found.value == Array(1...24))
    #expect(found.unreadable.isEmpty)
    #expect(found.stops > 1)
  }
}
