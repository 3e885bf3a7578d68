import GuestScopeBTF
import GuestScopeGuestMemory

private struct RHashTable: KernelStruct {
  static let kernelName = "rhashtable"
  let tbl = Link<BucketTable>("tbl")
  let nelems = Member<Int32>("nelems.counter")
}

private struct BucketTable: KernelStruct {
  static let kernelName = "bucket_table"
  let size = Member<UInt32>("size")
  let nest = Member<UInt32>("nest")
  let futureTbl = OptionalLink<BucketTable>("future_tbl")
  /// As many as `size` says; the type says none.
  let buckets = Member<[UInt64]>("buckets")
}

private struct RHashHead: LinkingStruct {
  static let kernelName = "rhash_head"
  let next = Member<KernelVirtualAddress>("next")
}

/// The kernel's `struct rhashtable` (include/linux/rhashtable.h, lib/rhashtable.c): a hash table
/// that moves its elements to another one when it grows or shrinks.
extension Walk {
  /// Tables that a rehash may have in work; more are garbage.
  private static var mostTables: Int { 8 }

  /// What `body` makes of the elements, in no order that means anything; nil leaves one out. Each
  /// comes once, also while a rehash moves them.
  ///
  /// What is damaged is counted and named, as in `list(at:of:most:_:)`. So is what the table has
  /// more than its `nelems` says, and a nested table, whose buckets are a tree of pages: the kernel
  /// makes one when it has no memory for an array, and it is not read.
  ///
  /// - Parameters:
  ///   - address: of the `struct rhashtable`.
  ///   - member: the `struct rhash_head` by which the elements are linked.
  ///   - most: elements that are walked.
  /// - Throws: when the `struct rhashtable` or one of its tables cannot be read.
  public func rhashtable<Outer: KernelStruct, T>(
    at address: KernelVirtualAddress, of member: KeyPath<Outer, Place>,
    most: Int = HashBuckets.elementLimit, _ body: (KernelObject<Outer>) throws(ReadFault) -> T?
  ) throws(ReadFault) -> [T] {
    let outer = try layout(of: Outer.self)
    let chain = try chain(by: member, of: RHashHead.self)
    let ht = try read(RHashTable.self, at: address)
    let tables = try tables(of: ht)
    // Each CPU may have linked an element that it has not counted yet.
    let counted = max(0, Int(ht.nelems)) + kernel.cpuIDs
    var course = Chain.Course(most: min(most, counted))
    var elements: [Chain.Element<T?>] = []
    for (index, table) in tables.enumerated() {
      let key = ObjectKey(BucketTable.kernelName, id: UInt64(index), at: table.address)
      let found = try view.object(key) { () throws(ReadFault) in
        try walk(table, by: chain, &course, isAlone: tables.count == 1) {
          address throws(ReadFault) in try body(try read(outer, at: address))
        }
      }
      course.nodes.formUnion((found ?? []).map { $0.address + chain.link })
      elements += found ?? []
    }
    try chain.countCut(course, at: address, in: view)
    return elements.compactMap { $0.value ?? nil }
  }

  /// The table and, while a rehash is in work, those that its elements move to.
  private func tables(
    of ht: KernelObject<RHashTable>
  ) throws(ReadFault) -> [KernelObject<BucketTable>] {
    var tables = [try ht.tbl]
    while let next = try tables[tables.count - 1].futureTbl {
      guard tables.count < Self.mostTables else {
        throw .corrupt("a hash table with more than \(Self.mostTables) tables", at: ht.address)
      }
      tables.append(next)
    }
    return tables
  }

  /// The elements of a table that earlier ones did not have.
  private func walk<T>(
    _ table: KernelObject<BucketTable>, by chain: Chain, _ course: inout Chain.Course,
    isAlone: Bool, _ body: (KernelVirtualAddress) throws(ReadFault) -> T
  ) throws(ReadFault) -> [Chain.Element<T>] {
    guard table.nest == 0 else {
      throw .unreadable(
        Unreadable(
          .lacking("a nested table, whose buckets are a tree of pages, is not read"),
          at: table.address.rawValue))
    }
    let known = course.nodes
    let buckets = HashBuckets(at: table.address(of: \.buckets)!, count: Int(table.size))
    return try chain.followAll(
      buckets, &course, in: view,
      // rht_ptr(): bit 0 of a bucket is its lock. An empty one stands for its own end marker.
      first: { head in
        let first = head.rawValue & ~1
        return KernelVirtualAddress(first == 0 ? 1 : first)
      },
      isEnd: { node, position, bucket throws(ReadFault) in
        let slot = buckets.address(of: bucket)
        guard node.rawValue != 0 else { throw .corrupt("a NULL pointer in a chain", at: slot) }
        // RHT_NULLS_MARKER(): the end has the address of its bucket. For an instant of a rehash a
        // chain runs on into one of the next table, whose elements then come a second time.
        guard node.rawValue & 1 == 1 else { return known.contains(node) }
        guard position == 0 || !isAlone || node.rawValue == slot.rawValue | 1 else {
          throw .corrupt("a chain that does not end as one of its bucket", at: slot)
        }
        return true
      }, body)
  }
}
