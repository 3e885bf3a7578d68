import GuestScopeGuestMemory
import GuestScopeKernelBPF
import TestSupport
import Testing

/// What is in maps, as the system call would give it.
@Suite struct ContentsTests {
  private func key(_ number: UInt32) -> [UInt8] { word(number) }

  private func keys(_ entries: [MapEntry]) -> [[UInt8]?] { entries.map(\.key) }

  // MARK: Arrays

  @Test func anArrayEndsWithItsEntriesNotWithItsMemory() throws {
    let guest = ContentsGuest()
    guest.addArray(1, count: 5, allocated: 8)
    let entries = try guest.entries()
    #expect(keys(entries) == (0..<5).map(key))
    #expect(entries[3].value == .bytes([3, 3, 3, 3, 3]))
  }

  @Test func aWindowOfAnArrayReadsThatAlone() throws {
    let guest = ContentsGuest()
    guest.addArray(1, count: 2000)
    let window = MapContentsQuery(window: EntryWindow(offset: 1990, limit: 4))
    let few = try guest.contents(window)
    #expect(keys(few.value[0].entries) == (1990..<1994).map(key))
    #expect(few.closing.bytes < 2000)
    let past = MapContentsQuery(window: EntryWindow(offset: 1998, limit: .max))
    #expect(keys(try guest.entries(past)) == (1998..<2000).map(key))
    #expect(try guest.entries(MapContentsQuery(window: EntryWindow(offset: 5000))).isEmpty)
  }

  @Test func anArrayThatFitsIntoNoMemoryIsRefused() throws {
    let guest = ContentsGuest()
    guest.add(1, type: 2, value: 8, entries: .max, [256: word(8 as UInt32)])
    let snapshot = try guest.contents()
    #expect(snapshot.value.isEmpty)
    #expect("\(try #require(snapshot.unreadable.first))".contains("4294967295 elements"))
  }

  @Test func pagesOfAnArrayAreReadInStopsOfTheirOwn() throws {
    let guest = ContentsGuest()
    guest.addArray(1, count: 4000)
    guest.guest.writeIDR()
    var limits = SampleLimits.none
    limits.bytes = 12_000
    let memory = ScriptedMemory(guest.guest.memory, limits: limits)
    let snapshot = try guest.guest.bpf(memory).contents(MapContentsQuery())
    #expect(snapshot.value.first?.entries.count == 4000)
    guard case .perObject(let stops) = snapshot.consistency else {
      Issue.record("\(snapshot.consistency)")
      return
    }
    #expect(stops > 2)
  }

  // MARK: Hashes

  @Test(arguments: [3, 128, 512] as [UInt32])
  func aHashWithBucketsThatItsEntriesDoNotNeedIsRefused(buckets: UInt32) throws {
    let guest = ContentsGuest()
    let hash = guest.addHash(1, chains: [[4], [7]], entries: 60)
    guest.guest.ram.write(buckets, at: hash + 272)
    let snapshot = try guest.contents()
    #expect(snapshot.value.isEmpty)
    #expect(
      "\(try #require(snapshot.unreadable.first))".contains("\(buckets) buckets for 60 entries"))
  }

  @Test func aHashIsListedBucketByBucket() throws {
    let guest = ContentsGuest()
    guest.addHash(1, chains: [[4, 9, 2], [], [7], [1, 3]])
    let snapshot = try guest.contents()
    #expect(keys(snapshot.value[0].entries) == [4, 9, 2, 7, 1, 3].map(key))
    #expect(snapshot.value[0].entries[1].value == .bytes(word(90 as UInt64)))
    #expect(snapshot.unreadable.isEmpty)
  }

  @Test func thePreallocatedElementsOfAllChainsTakeOneWave() throws {
    let short = ContentsGuest()
    short.addHash(1, chains: [[1], [2]])
    let long = ContentsGuest()
    long.addHash(1, chains: [Array(1...30), Array(31...50)])
    #expect(try long.contents().waves == short.contents().waves)
  }

  @Test func aLargeHashTakesAsFewWavesAsASmallOne() throws {
    let small = ContentsGuest()
    small.addHash(1, chains: [[1], [2]])
    let large = ContentsGuest(ramBytes: 4 << 20)
    let chains = (0..<4096).map { bucket -> [UInt32] in
      (0..<UInt32(bucket % 5)).map { UInt32(bucket) * 8 + $0 }
    }
    large.addHash(1, chains: chains, entries: 10_000)
    let snapshot = try large.contents()
    #expect(keys(snapshot.value[0].entries) == chains.joined().map(key))
    // One more: the translations of many pages.
    #expect(try snapshot.waves <= small.contents().waves + 1)
    let few = try large.contents(MapContentsQuery(window: EntryWindow(limit: 10)))
    #expect(few.value[0].entries.count == 10 && few.closing.bytes < 50_000)
  }

  /// Nearly all bytes are of elements and of buckets.
  @Test func aClosingStopReadsLittleElse() throws {
    let guest = ContentsGuest(ramBytes: 4 << 20)
    let chains = (0..<1024).map { bucket in (0..<2).map { UInt32(bucket) * 8 + $0 } }
    guest.addHash(1, chains: chains, entries: 2100)
    let snapshot = try guest.contents()
    let useful = 2048 * 64 + 1024 * 16
    #expect(snapshot.value[0].entries.count == 2048)
    #expect(snapshot.closing.bytes < useful + useful / 50, "\(snapshot.closing.bytes) of \(useful)")
  }

  @Test func anArrayOf4KBTakesOneStopWithoutWaves() throws {
    let guest = ContentsGuest()
    guest.addArray(1, count: 512)
    guest.guest.writeIDR()
    let memory = ScriptedMemory(guest.guest.memory)
    let objects = try guest.guest.bpf(memory)
    _ = try objects.contents(MapContentsQuery())
    let again = try objects.contents(MapContentsQuery())
    #expect(again.value[0].entries.count == 512)
    #expect(again.waves == 0 && again.consistency == .instant)
    #expect(again.closing.bytes < 4096 + 2048)
  }

  // MARK: Parts

  @Test(
    arguments: [
      EntryWindow(), EntryWindow(offset: 7), EntryWindow(offset: 20, limit: 9),
      EntryWindow(limit: 1), EntryWindow(offset: 5000, limit: 3), EntryWindow(limit: 0),
    ])
  func partsOfAMapAreAllOfIt(window: EntryWindow) throws {
    let guest = ContentsGuest(ramBytes: 4 << 20)
    let chains = (0..<64).map { bucket -> [UInt32] in
      (0..<UInt32(bucket % 3)).map { UInt32(bucket) * 8 + $0 }
    }
    guest.addHash(1, chains: chains, entries: 100)
    guest.addArray(2, count: 3000)
    // perf_event_array and stack_trace: pointers, and what they lead to.
    guest.add(3, type: 4, value: 4, entries: 700, [272: [UInt8](repeating: 0, count: 5600)])
    guest.addStacks(4, count: 512)
    let maps = try guest.contents().value
    #expect(maps.count == 4)
    for map in maps {
      let wanted = window.entries(of: map.entries)
      var (entries, parts) = ([MapEntry](), [MapContentsQuery.Part(from: 0)])
      while var next = parts.popLast() {
        next.mostObjects = 5
        var query = MapContentsQuery(ObjectQuery(ids: [map.map.id]), window: window)
        query.part = next
        let part = try guest.contents(query).value[0]
        #expect(part.entries.count < map.entries.count, "map \(map.map.id)")
        entries += part.entries
        // Nothing is read past the end of the window.
        if let end = window.limit, entries.count >= end { #expect(part.slots?.next == nil) }
        parts += [part.slots?.next].compactMap { $0 }
      }
      #expect(entries == wanted, "map \(map.map.id)")
    }
  }

  @Test func stackMapsHaveAsManyBucketsAsEntriesRoundedUp() throws {
    for (count, isRefused) in [(512, false), (600, true)] {
      let guest = ContentsGuest()
      guest.addStacks(1, count: count)
      let snapshot = try guest.contents()
      #expect(snapshot.value.isEmpty == isRefused && snapshot.unreadable.isEmpty != isRefused)
    }
  }

  @Test func valuesThatAreTooLargeAreRefused() throws {
    let guest = ContentsGuest()
    for (id, type, size) in [(1, 2, 16 << 20), (2, 2, 17 << 20), (3, 1, 32 << 20)]
      as [(UInt64, UInt32, UInt32)]
    {
      guest.add(id, type: type, value: size, entries: 1, [256: word(size)])
    }
    let maps = try guest.contents().value
    #expect(maps.first { $0.map.id == 1 }?.refusal == nil)
    #expect(maps.first { $0.map.id == 2 }?.refusal == .largeValues(bytes: 17 << 20))
    guest.add(4, type: 1, value: 33 << 20, entries: 1, [256: word(8 as UInt32)])
    let snapshot = try guest.contents()
    #expect(snapshot.unreadable.contains { "\($0)".contains("values of 34603008 bytes") })
  }

  @Test func whatTheKernelCountsIsThereBesideWhatIsFound() throws {
    let guest = ContentsGuest()
    guest.add(
      1, type: 11, key: 5, value: 2, entries: 10, flags: 1,
      [256: word(0 as UInt64) + word(3 as UInt64) + word(8 as UInt64) + word(1 as UInt64)])
    var query = MapContentsQuery()
    #expect(try guest.contents(query).value[0].ownCount == nil)
    query.wantsCount = true
    let trie = try guest.contents(query).value[0]
    #expect(trie.ownCount == 3 && trie.entries.isEmpty)
  }

  @Test func aChainThatEndsAsAnothersIsCountedAndItsElementsStay() throws {
    let guest = ContentsGuest()
    guest.addHash(1, chains: [[4], [5]], markers: [1, 1])
    let snapshot = try guest.contents()
    #expect(keys(snapshot.value[0].entries) == [4, 5].map(key))
    #expect(snapshot.unreadable.count == 1)
    #expect("\(snapshot.unreadable[0])".contains("ends with the marker 1"))
  }

  @Test func aLookupReadsOneBucket() throws {
    let guest = ContentsGuest()
    guest.addHash(1, chains: [Array(2...40), [1]], seed: 0)
    let bucket = try guest.entries(MapContentsQuery(key: key(1)))
    let other = ContentsGuest()
    other.addHash(1, chains: [[1], Array(2...40)], seed: 0)
    let otherBucket = try other.entries(MapContentsQuery(key: key(1)))
    // In exactly one of the two it is where its hash says.
    #expect(keys(bucket + otherBucket) == [key(1)])
    #expect(try guest.entries(MapContentsQuery(key: key(99))).isEmpty)
    #expect(try guest.entries(MapContentsQuery(key: [1])).isEmpty)
  }

  // MARK: Others

  @Test(arguments: [22, 23] as [UInt32])
  func aQueueGivesTheOldestAndAStackTheNewestFirst(type: UInt32) throws {
    let guest = ContentsGuest()
    // Four places of 3 bytes; the tail is at 3, the head at 2: three elements, over the end.
    let elements: [UInt8] = [1, 1, 1, 2, 2, 2, 9, 9, 9, 0, 0, 0]
    guest.add(
      1, type: type, key: 0, value: 3, entries: 3,
      [260: word(2 as UInt32) + word(3 as UInt32) + word(4 as UInt32), 272: elements])
    let values = try guest.entries().map(\.value)
    let oldestFirst: [[UInt8]] = [[0, 0, 0], [1, 1, 1], [2, 2, 2]]
    let order = type == 22 ? oldestFirst : oldestFirst.reversed()
    #expect(values == order.enumerated().map { .queued(index: $0, $1) })
  }

  @Test func aQueueWhoseHeadIsOutsideIsRefused() throws {
    let guest = ContentsGuest()
    guest.add(
      1, type: 22, key: 0, value: 3, entries: 3,
      [260: word(77 as UInt32) + word(3 as UInt32) + word(4 as UInt32)])
    #expect(try guest.contents().unreadable.count == 1)
  }

  @Test func childrenOfATrieComeBeforeTheirParentAndNodesThatOnlyJoinNotAtAll() throws {
    let guest = ContentsGuest()
    let nodes = (0..<3).map { _ in guest.guest.ram.allocate(64) }
    func write(_ node: Int, children: [Int?], length: UInt32, flags: UInt32, _ data: [UInt8]) {
      let pointers = children.flatMap { child in
        word(child.map { guest.guest.direct(nodes[$0]) } ?? 0)
      }
      guest.guest.ram.write(pointers + word(length) + word(flags) + data, at: nodes[node])
    }
    write(0, children: [1, 2], length: 4, flags: 1, [0x10, 0, 0])
    write(1, children: [nil, nil], length: 8, flags: 0, [0x11, 0xaa, 0xab])
    write(2, children: [nil, nil], length: 6, flags: 0, [0x18, 0xba, 0xbb])
    guest.add(
      1, type: 11, key: 5, value: 2, entries: 10, flags: 1,
      [
        256: word(guest.guest.direct(nodes[0])) + word(2 as UInt64) + word(8 as UInt64)
          + word(1 as UInt64)
      ])
    let entries = try guest.entries()
    #expect(
      entries == [
        MapEntry(key: [8, 0, 0, 0, 0x11], .bytes([0xaa, 0xab])),
        MapEntry(key: [6, 0, 0, 0, 0x18], .bytes([0xba, 0xbb])),
      ])
  }

  @Test func aTrieThatLeadsIntoItselfEnds() throws {
    let guest = ContentsGuest()
    let node = guest.guest.ram.allocate(64)
    let pointer = word(guest.guest.direct(node))
    guest.guest.ram.write(pointer + pointer + word(3 as UInt32) + word(0 as UInt32), at: node)
    guest.add(
      1, type: 11, key: 5, value: 2, entries: 10, flags: 1,
      [256: pointer + word(1 as UInt64) + word(8 as UInt64) + word(1 as UInt64)])
    #expect(try guest.contents().value.first?.entries.count == 1)
  }

  /// Longer than a chain of that many entries can be: what is below is not read, and is missing.
  @Test func aTrieOfMoreNodesThanItMayHaveIsCut() throws {
    let guest = ContentsGuest()
    let nodes = guest.guest.ram.allocate(32 * 5)
    for index in 0..<5 {
      let child = index == 4 ? 0 : guest.guest.direct(nodes + 32 * (index + 1))
      guest.guest.ram.write(
        word(child) + word(0 as UInt64) + word(UInt32(index)) + word(0 as UInt32)
          + [0, UInt8(index), 0],
        at: nodes + 32 * index)
    }
    guest.add(
      1, type: 11, key: 5, value: 2, entries: 1, flags: 1,
      [
        256: word(guest.guest.direct(nodes)) + word(5 as UInt64) + word(8 as UInt64)
          + word(1 as UInt64)
      ])
    let snapshot = try guest.contents()
    #expect(snapshot.value.first?.entries.count == 3)
    #expect(snapshot.unreadable.map(\.key.kind) == ["trie node"], "\(snapshot.unreadable)")
  }

  /// A map with id 1, and where its `struct bpf_ringbuf` is.
  private func addRing(
    to guest: ContentsGuest, consumer: UInt64, producer: UInt64, mask: UInt64 = 4095
  ) -> PhysicalAddress {
    let ring = guest.guest.ram.allocate(0x3000 + 4096, alignment: 4096)
    guest.guest.ram.write(mask, at: ring + 32)
    guest.guest.ram.write(consumer, at: ring + 0x1000)
    guest.guest.ram.write(producer, at: ring + 0x2000)
    guest.add(
      1, type: 27, key: 0, value: 0, entries: 4096, [256: word(guest.guest.direct(ring))])
    return ring
  }

  @Test(
    arguments: [
      (0, 0, 0), (16, 56, 40), (8192, 8192 + 4096, 4096),
      // Positions count all bytes that were ever written.
      (1 << 40, 1 << 40 + 8, 8), (.max - 7, 16, 24),
    ] as [(UInt64, UInt64, UInt64)])
  func aRingIsFilledByWhatItsReaderHasNotHad(consumer: UInt64, producer: UInt64, pending: UInt64)
    throws
  {
    let guest = ContentsGuest()
    _ = addRing(to: guest, consumer: consumer, producer: producer)
    guest.guest.writeIDR()
    let bpf = try guest.guest.bpf()
    let rings = try bpf.kernel.snapshot(bpf.engine, bpf.ringBufferWalker()).value
    #expect(rings.map(\.pending) == [pending] && rings.map(\.size) == [4096])
  }

  /// A process may write to both pages, and its number of bytes may be damaged.
  @Test(
    arguments: [
      (56, 16, 4095), (0, 4104, 4095), (0, 8, 0xfff7), (0, 8, .max),
    ] as [(UInt64, UInt64, UInt64)])
  func positionsThatNoRingHasAreNoFill(consumer: UInt64, producer: UInt64, mask: UInt64) throws {
    let guest = ContentsGuest()
    _ = addRing(to: guest, consumer: consumer, producer: producer, mask: mask)
    guest.guest.writeIDR()
    let bpf = try guest.guest.bpf()
    let rings = try bpf.kernel.snapshot(bpf.engine, bpf.ringBufferWalker())
    #expect(rings.value.isEmpty && rings.unreadable.count == 1, "\(rings)")
    #expect(rings.unreadable.allSatisfy { "\($0)".contains("a ring buffer of") })
  }

  @Test func aRingGivesWhatWasNotConsumed() throws {
    let guest = ContentsGuest()
    let ring = addRing(to: guest, consumer: 16, producer: 56)
    let busy: UInt32 = 3 | 1 << 31
    guest.guest.ram.write(
      word(9 as UInt32) + word(0 as UInt32) + [UInt8](1...9), at: ring + 0x3010)
    guest.guest.ram.write(word(busy) + word(0 as UInt32) + [7, 8, 9], at: ring + 0x3028)
    let snapshot = try guest.contents()
    let records = snapshot.value[0].entries.compactMap { entry -> RingbufRecord? in
      if case .record(let record) = entry.value { record } else { nil }
    }
    #expect(records.map(\.offset) == [16, 40])
    #expect(records.map(\.data) == [[UInt8](1...9), [7, 8, 9]])
    #expect(records.map(\.isBusy) == [false, true] && !records[0].isDiscarded)
  }

  private func stacks(value: UInt32, entries: UInt32) throws -> Snapshot<[MapContents]> {
    let guest = ContentsGuest()
    let bucket = guest.guest.ram.allocate(16 + 16)
    guest.guest.ram.write(2 as UInt32, at: bucket + 12)
    guest.guest.ram.write(word(10 as UInt64) + word(20 as UInt64), at: bucket + 16)
    let buckets = word(0 as UInt64) + word(guest.guest.direct(bucket))
    guest.add(
      1, type: 7, value: value, entries: entries, [264: word(2 as UInt32), 272: buckets])
    return try guest.contents()
  }

  @Test func aStackIsFilledUpWithZeros() throws {
    let expected = word(10 as UInt64) + word(20 as UInt64) + word(0 as UInt64)
    let entries = try stacks(value: 24, entries: 2).value[0].entries
    #expect(entries == [MapEntry(key: word(1 as UInt32), .bytes(expected))])
  }

  /// A size that no kernel has made: what is filled up would end with no memory.
  @Test(arguments: [
    (value: 8 * (640 << 10) + 8, entries: 1, "a map of stacks of 5242888 bytes"),
    (value: 80, entries: 1 << 28, "a map of 268435456 elements of 80 bytes"),
  ])
  func aDamagedSizeOfStacksIsRefused(value: Int, entries: Int, complaint: String) throws {
    let snapshot = try stacks(value: UInt32(value), entries: UInt32(entries))
    let causes = snapshot.unreadable.map { "\($0.cause)" }
    #expect(snapshot.value.allSatisfy { $0.entries.isEmpty })
    #expect(causes.count == 1 && causes[0].contains(complaint), "\(causes)")
  }

  @Test func aTypeThatIsNotReadSaysSo() throws {
    let guest = ContentsGuest()
    guest.add(1, type: 99, key: 0, value: 8, entries: 10, [:])
    guest.add(2, type: 77, value: 8, entries: 10, [:])
    let maps = try guest.contents().value
    #expect(maps.map(\.refusal).compactMap { $0 }.count == 2)
    #expect(maps[1].refusal?.description == "the contents of a map of type 77 are not read yet")
  }

  @Test func mapsThatAreNotWantedAreNotRead() throws {
    let guest = ContentsGuest()
    guest.addArray(1, count: 10)
    guest.add(2, type: 2, value: 8, entries: .max, [256: word(8 as UInt32)])
    let snapshot = try guest.contents(MapContentsQuery { $0.name == "map1" })
    #expect(snapshot.value.map(\.map.id) == [1] && snapshot.unreadable.isEmpty)
  }
}
