import GuestScopeBytes
import GuestScopeGuestMemory

/// The heads of a hash table's chains: pointers in an array, alone or with locks beside them.
public struct HashBuckets: Sendable {
  /// More buckets than this are garbage.
  public static let limit = 1 << 20
  /// Elements of all chains together that are walked, unless the caller says otherwise.
  public static let elementLimit = 1 << 16

  /// Of the pointer in the first bucket.
  public var address: KernelVirtualAddress
  public var count: Int
  /// Bytes from a bucket to the next.
  public var stride: Int

  public init(at address: KernelVirtualAddress, count: Int, stride: Int = 8) {
    (self.address, self.count, self.stride) = (address, count, stride)
  }

  /// Where the pointer of a bucket is.
  func address(of bucket: Int) -> KernelVirtualAddress { address + bucket &* stride }

  /// Stretches of buckets of at most a page.
  ///
  /// - Throws: for numbers that no table has.
  fileprivate var pages: [Range<Int>] {
    get throws(ReadFault) {
      guard (0...Self.limit).contains(count), (8...4096).contains(stride) else {
        throw .corrupt("a hash table of \(count) buckets of \(stride) bytes", at: address)
      }
      let step = 4096 / stride
      return Swift.stride(from: 0, to: count, by: step).map { $0..<min($0 + step, count) }
    }
  }
}

extension Chain {
  /// What `body` makes of the elements of all buckets, in their order, each chain from its head.
  ///
  /// A page of buckets is an object of the view, and its chains nest in it: one that is unreadable
  /// takes nothing from the others, and a large table need not be of one stop. All chains advance
  /// together, so that a wave brings a node of each.
  ///
  /// - Parameters:
  ///   - first: the pointer to the first node of what a bucket has.
  ///   - isEnd: as for one chain, with its bucket.
  func followAll<T>(
    _ buckets: HashBuckets, _ course: inout Course, in view: MemoryView,
    first: (KernelVirtualAddress) -> KernelVirtualAddress = { $0 },
    isEnd: (KernelVirtualAddress, _ position: Int, _ bucket: Int) throws(ReadFault) -> Bool,
    _ body: (KernelVirtualAddress) throws(ReadFault) -> T
  ) throws(ReadFault) -> [Element<T>] {
    var elements: [Element<T>] = []
    for page in try buckets.pages where !course.isCut {
      let start = buckets.address(of: page.lowerBound)
      let key = ObjectKey("\(noun) bucket page", id: UInt64(page.lowerBound), at: start)
      let found = try view.object(key) { () throws(ReadFault) in
        let bytes = try view.bytes(at: start, count: (page.count - 1) * buckets.stride + 8)
        var elements: [Element<T>] = []
        for bucket in page {
          let head = bytes.u64(at: (bucket - page.lowerBound) * buckets.stride)!
          elements += try follow(
            first(KernelVirtualAddress(head)), &course, in: view,
            isEnd: { node, position throws(ReadFault) in try isEnd(node, position, bucket) }, body)
        }
        return elements
      }
      // A page that an earlier stop has settled was not walked in this one.
      course.nodes.formUnion((found ?? []).map { $0.address + link })
      elements += found ?? []
    }
    return elements
  }
}
