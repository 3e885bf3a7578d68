import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_queue_stack` of kernel/bpf/queue_stack_maps.c.
private struct BPFQueueContents: KernelStruct {
  static let kernelName = "bpf_queue_stack"
  let map = Place("map")
  let head = Member<UInt32>("head")
  let tail = Member<UInt32>("tail")
  /// One more than it can hold.
  let size = Member<UInt32>("size")
  let elements = Member<[UInt8]>("elements")
}

/// Elements in a ring, each as large as a value, without padding.
extension MapReader {
  /// Oldest first, as they are popped.
  func queue() throws(ReadFault) -> [MapEntry] {
    let ring = try ringOfElements()
    let count = ring.wrapped(Int(ring.queue.head) - Int(ring.queue.tail))
    return try elements(count, of: ring) { Int(ring.queue.tail) + $0 }
  }

  /// Newest first, as they are popped.
  func stack() throws(ReadFault) -> [MapEntry] {
    let ring = try ringOfElements()
    let count = ring.wrapped(Int(ring.queue.head) - Int(ring.queue.tail))
    return try elements(count, of: ring) { Int(ring.queue.head) - 1 - $0 }
  }

  private struct Ring {
    var queue: KernelObject<BPFQueueContents>
    var size: Int

    /// An index, or a distance, modulo the size.
    func wrapped(_ index: Int) -> Int { ((index % size) + size) % size }
  }

  private func ringOfElements() throws(ReadFault) -> Ring {
    let queue = try map.container(\BPFQueueContents.map)
    let size = Int(queue.size)
    guard size == Int(head.maxEntries) + 1, queue.head < queue.size, queue.tail < queue.size else {
      throw .corrupt(
        "a \(type) of \(size) places whose head is \(queue.head) and whose tail is \(queue.tail)",
        at: queue.address)
    }
    try admit(size, of: valueSize)
    return Ring(queue: queue, size: size)
  }

  private func elements(
    _ count: Int, of ring: Ring, _ place: (Int) -> Int
  ) throws(ReadFault) -> [MapEntry] {
    let start = ring.queue.address(of: \.elements)!
    return try gather(Self.stretches(of: 0..<count, size: valueSize)) { stretch throws(ReadFault) in
      let first = start + valueSize * ring.wrapped(place(stretch.lowerBound))
      let key = ObjectKey("elements from", id: UInt64(stretch.lowerBound), at: first)
      return try view.object(key) { () throws(ReadFault) in
        try view.each(stretch) { index throws(ReadFault) in
          let address = start + valueSize * ring.wrapped(place(index))
          return MapEntry(
            key: nil, .queued(index: index, try view.bytes(at: address, count: valueSize)))
        }
      }
    }
  }
}
