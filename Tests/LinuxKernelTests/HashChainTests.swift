import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport
import Testing

/// Hash tables of `hlist_head` and of `hlist_nulls_head`.
@Suite struct HashChainTests {
  var guest = ContainerGuest()
  let table: UInt64

  init() { table = guest.allocate(4 * 4096) }

  private func marker(_ bucket: Int) -> UInt64 { UInt64(bucket) << 1 | 1 }

  /// Buckets with chains of so many items; numbers count from 1.
  private func fill(_ lengths: [Int], nulls: Bool, stride: Int = 8) -> [[UInt64]] {
    var number: UInt32 = 1
    return lengths.enumerated().map { bucket, length in
      let items = guest.items(number..<number + UInt32(length))
      number += UInt32(length)
      let first = guest.chain(
        items, by: nulls ? "nulls" : "hash", end: nulls ? marker(bucket) : 0)
      guest.write(first, at: table + UInt64(bucket * stride))
      return items
    }
  }

  private func buckets(_ count: Int, stride: Int = 8) -> HashBuckets {
    HashBuckets(at: KernelVirtualAddress(table), count: count, stride: stride)
  }

  private func numbers(
    in buckets: HashBuckets, nulls: Bool, most: Int = 1000
  ) throws -> Snapshot<[UInt32]> {
    try guest.snapshot { walk throws(ReadFault) in
      nulls
        ? try walk.nullsLists(in: buckets, of: \Item.nulls, most: most) { $0.number }
        : try walk.hlists(in: buckets, of: \Item.hash, most: most) { $0.number }
    }
  }

  @Test(arguments: [false, true], [8, 24])
  func elementsComeBucketByBucketFromTheHead(nulls: Bool, stride: Int) throws {
    _ = fill([0, 3, 1, 0, 2], nulls: nulls, stride: stride)
    let found = try numbers(in: buckets(5, stride: stride), nulls: nulls)
    #expect(found.value == Array(1...6))
    #expect(found.unreadable.isEmpty)
  }

  @Test(arguments: [false, true])
  func aTableWithoutElementsOrBucketsIsEmpty(nulls: Bool) throws {
    _ = fill([0, 0, 0], nulls: nulls)
    for count in [3, 0] {
      let found = try numbers(in: buckets(count), nulls: nulls)
      #expect(found.value.isEmpty && found.unreadable.isEmpty)
    }
  }

  @Test func aSingleHeadIsATableOfOne() throws {
    _ = fill([2], nulls: false)
    let head = KernelVirtualAddress(table)
    let found = try guest.snapshot { walk throws(ReadFault) in
      try walk.hlist(at: head, of: \Item.hash) { $0.number }
    }
    #expect(found.value == [1, 2])
  }

  @Test(arguments: [false, true])
  func aWaveBringsAnElementOfEachChain(nulls: Bool) throws {
    func waves(_ lengths: [Int]) throws -> Int {
      let test = HashChainTests()
      _ = test.fill(lengths, nulls: nulls)
      return try test.numbers(in: test.buckets(lengths.count), nulls: nulls).waves
    }
    let one = try waves([3])
    #expect(try waves([Int](repeating: 3, count: 40)) == one)
    #expect(try waves([Int](repeating: 3, count: 40) + [8]) == one + 5)
  }

  @Test(arguments: [false, true])
  func aDamagedPointerEndsItsChainAlone(nulls: Bool) throws {
    for place in 0..<2 {
      let test = HashChainTests()
      let member = nulls ? "nulls" : "hash"
      let chains = test.fill([2, 3, 2], nulls: nulls)
      // In the bucket, or in an element.
      let pointer = place == 0 ? test.table + 8 : test.guest.node(member, of: chains[1][0])
      test.guest.write(ContainerGuest.poison, at: pointer)
      let found = try test.numbers(in: test.buckets(3), nulls: nulls)
      #expect(found.value == [1, 2] + (place == 0 ? [] : [3]) + [6, 7])
      #expect(found.unreadable.map(\.key.address.rawValue) == [ContainerGuest.poison])
    }
  }

  @Test(arguments: [false, true])
  func aChainInACircleOrIntoAnotherEndsAndIsCounted(nulls: Bool) throws {
    let member = nulls ? "nulls" : "hash"
    for target in 0..<2 {
      let test = HashChainTests()
      let chains = test.fill([2, 3, 2], nulls: nulls)
      let node = test.guest.node(member, of: chains[target][0])
      test.guest.write(node, at: test.guest.node(member, of: chains[1][2]))
      let found = try test.numbers(in: test.buckets(3), nulls: nulls)
      #expect(found.value == Array(1...7))
      #expect(found.unreadable.count == 1)
      #expect(
        found.unreadable.first?.description.contains("leads into itself or into another") == true)
    }
  }

  /// All buckets lead into one chain: the work goes with the elements, not with the buckets.
  @Test func manyBucketsOfOneChainEndWithinTheSteps() throws {
    let chain = fill([50], nulls: false)[0]
    for bucket in 1..<1024 {
      guest.write(guest.node("hash", of: chain[0]), at: table + UInt64(8 * bucket))
    }
    let found = try numbers(in: buckets(1024), nulls: false)
    #expect(found.value == Array(1...50))
    #expect(found.unreadable.count == 1023)
  }

  @Test func anElementThatMovedToAnotherChainIsSeenByTheMarker() throws {
    let chains = fill([1, 2, 1], nulls: true)
    guest.write(marker(2), at: guest.node("nulls", of: chains[1][1]))
    guest.write(marker(0), at: table + 16)
    let found = try numbers(in: buckets(3), nulls: true)
    #expect(found.value == [1, 2, 3])
    #expect(
      found.unreadable.map { "\($0.cause)".prefix(73) } == [
        "a chain that begins as that of bucket 1 and ends with the marker 2 at 0xf",
        "a chain that begins as that of bucket 2 and ends with the marker 0 at 0xf",
      ])
    let table = buckets(3)
    let shifted = try guest.snapshot { walk throws(ReadFault) in
      try walk.nullsLists(in: table, of: \Item.nulls, marker: { UInt64($0 == 0 ? 0 : 2) }) {
        $0.number
      }
    }
    #expect(shifted.unreadable.count == 1)
  }

  @Test func aChainOfNullsThatNULLEndsIsDamaged() throws {
    let chains = fill([1, 2], nulls: true)
    guest.write(0 as UInt64, at: guest.node("nulls", of: chains[0][0]))
    let found = try numbers(in: buckets(2), nulls: true)
    #expect(found.value == [1, 2, 3])
    #expect(found.unreadable.first?.description.contains("a NULL pointer in the chain") == true)
  }

  @Test func moreElementsThanAllowedAreCutAndThatIsReported() throws {
    _ = fill([2, 2, 2], nulls: true)
    let found = try numbers(in: buckets(3), nulls: true, most: 3)
    #expect(found.value == [1, 2, 3])
    #expect(found.unreadable.map(\.cause.reason) == [.tooMany(most: 3)])
    #expect(try numbers(in: buckets(3), nulls: true, most: 6).unreadable.isEmpty)
  }

  @Test(arguments: [
    (-1, 8), (.max, 8), (HashBuckets.limit + 1, 8), (3, 0), (3, -8), (3, 4), (3, 4097), (3, .max),
  ])
  func absurdSizesAreRefused(count: Int, stride: Int) throws {
    let error = #expect(throws: SnapshotError.self) {
      try numbers(in: buckets(count, stride: stride), nulls: false)
    }
    #expect(error?.description.contains("\(count) buckets of \(stride) bytes") == true)
  }

  @Test func aPageOfBucketsThatIsNowhereTakesNoOtherWithIt() throws {
    // Two pages that are mapped, and one after them that is not.
    let (start, pages) = guest.guest.vmalloc(pages: 2)
    let items = guest.items(1..<3)
    for (page, item) in zip(pages, items) {
      guest.guest.ram.write(guest.chain([item], by: "hash", end: 0), at: page + 4088)
    }
    let buckets = HashBuckets(at: KernelVirtualAddress(start), count: 3 * 512)
    let found = try numbers(in: buckets, nulls: false)
    #expect(found.value == [1, 2])
    #expect(found.unreadable.map(\.key.id) == [1024])
  }

  @Test(arguments: [false, true])
  func aTableOfSeveralStopsIsWhole(nulls: Bool) throws {
    var test = self
    _ = test.fill((0..<30).map { $0 % 3 }, nulls: nulls)
    test.guest.limits.reads = 14
    let found = try test.numbers(in: test.buckets(30), nulls: nulls)
    #expect(found.value == Array(1...30))
    #expect(found.unreadable.isEmpty)
    #expect(found.stops > 1)
  }

  @Test func nodesOfTheOtherKindAreRefused() throws {
    _ = fill([1], nulls: true)
    let table = buckets(1)
    #expect(throws: SnapshotError.self) {
      try guest.snapshot { walk throws(ReadFault) in
        try walk.hlists(in: table, of: \Item.nulls) { $0.number }
      }
    }
  }
}
