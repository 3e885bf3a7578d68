import GuestScopeBTF
import GuestScopeGuestMemory

private struct HListNode: LinkingStruct {
  static let kernelName = "hlist_node"
  let next = Member<KernelVirtualAddress>("next")
}

private struct LListNode: LinkingStruct {
  static let kernelName = "llist_node"
  let next = Member<KernelVirtualAddress>("next")
}

private struct HListNullsNode: LinkingStruct {
  static let kernelName = "hlist_nulls_node"
  let next = Member<KernelVirtualAddress>("next")
}

/// The chains of the kernel's hash tables. What is damaged is counted and named, as in
/// `list(at:of:most:_:)`, and takes no other chain with it.
extension Walk {
  /// What `body` makes of the elements of a chain that NULL ends: `struct hlist_head` of
  /// include/linux/list.h. Nil leaves an element out.
  ///
  /// - Parameter head: the address of the `struct hlist_head`.
  public func hlist<Outer: KernelStruct, T>(
    at head: KernelVirtualAddress, of member: KeyPath<Outer, Place>,
    most: Int = HashBuckets.elementLimit, _ body: (KernelObject<Outer>) throws(ReadFault) -> T?
  ) throws(ReadFault) -> [T] {
    try hlists(in: HashBuckets(at: head, count: 1), of: member, most: most, body)
  }

  /// The same of `struct llist_head` of include/linux/llist.h.
  public func llist<Outer: KernelStruct, T>(
    at head: KernelVirtualAddress, of member: KeyPath<Outer, Place>, most: Int,
    _ body: (KernelObject<Outer>) throws(ReadFault) -> T?
  ) throws(ReadFault) -> [T] {
    let chain = try chain(by: member, of: LListNode.self)
    let buckets = HashBuckets(at: head, count: 1)
    return try elements(in: buckets, of: chain, most: most, body) { node, _ in node.rawValue == 0 }
  }

  /// The same of an array of heads. A wave brings an element of each chain.
  ///
  /// - Parameter most: elements of all chains together that are walked.
  /// - Throws: for an array of a size that none has.
  public func hlists<Outer: KernelStruct, T>(
    in buckets: HashBuckets, of member: KeyPath<Outer, Place>,
    most: Int = HashBuckets.elementLimit, _ body: (KernelObject<Outer>) throws(ReadFault) -> T?
  ) throws(ReadFault) -> [T] {
    let chain = try chain(by: member, of: HListNode.self)
    return try elements(in: buckets, of: chain, most: most, body) { node, _ in node.rawValue == 0 }
  }

  /// What `body` makes of the elements of chains that a marker ends, each its own: `struct
  /// hlist_nulls_head` of include/linux/list_nulls.h. Nil leaves an element out.
  ///
  /// A chain that ends with another's marker is damaged, or an element moved to the other one while
  /// the chain was read: that is counted.
  ///
  /// - Parameters:
  ///   - most: elements of all chains together that are walked.
  ///   - marker: the value of a bucket's marker (`get_nulls_value()`): its number, as in
  ///     kernel/bpf/hashtab.c, unless the table has others.
  /// - Throws: for an array of a size that none has.
  public func nullsLists<Outer: KernelStruct, T>(
    in buckets: HashBuckets, of member: KeyPath<Outer, Place>,
    most: Int = HashBuckets.elementLimit, marker: (_ bucket: Int) -> UInt64 = { UInt64($0) },
    _ body: (KernelObject<Outer>) throws(ReadFault) -> T?
  ) throws(ReadFault) -> [T] {
    let chain = try chain(by: member, of: HListNullsNode.self)
    return try elements(in: buckets, of: chain, most: most, body) {
      node, bucket throws(ReadFault) in
      // Bit 0 says that this is a marker.
      let isEnd = node.rawValue & 1 == 1
      guard isEnd || node.rawValue != 0 else {
        throw .corrupt(
          "a NULL pointer in the chain of bucket \(bucket)", at: buckets.address(of: bucket))
      }
      guard !isEnd || node.rawValue >> 1 == marker(bucket) else {
        throw .corrupt(
          "a chain that begins as that of bucket \(bucket) and ends with the marker "
            + "\(node.rawValue >> 1)", at: buckets.address(of: bucket))
      }
      return isEnd
    }
  }

  private func elements<Outer: KernelStruct, T>(
    in buckets: HashBuckets, of chain: Chain, most: Int,
    _ body: (KernelObject<Outer>) throws(ReadFault) -> T?,
    isEnd: (KernelVirtualAddress, _ bucket: Int) throws(ReadFault) -> Bool
  ) throws(ReadFault) -> [T] {
    let outer = try layout(of: Outer.self)
    var course = Chain.Course(most: most)
    let elements = try chain.followAll(
      buckets, &course, in: view,
      isEnd: { node, _, bucket throws(ReadFault) in try isEnd(node, bucket) },
      { address throws(ReadFault) in try body(try read(outer, at: address)) })
    try chain.countCut(course, at: buckets.address, in: view)
    return elements.compactMap { $0.value ?? nil }
  }
}
