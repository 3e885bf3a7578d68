import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_ringbuf_map` of kernel/bpf/ringbuf.c.
struct BPFRingbufContents: KernelStruct {
  static let kernelName = "bpf_ringbuf_map"
  let map = Place("map")
  let rb = Link<BPFRingbufPositions>("rb")
}

struct BPFRingbufPositions: KernelStruct {
  static let kernelName = "bpf_ringbuf"
  let mask = Member<UInt64>("mask")
  let consumerPos = Member<UInt64>("consumer_pos")
  let producerPos = Member<UInt64>("producer_pos")
  /// Since 6.19: where the oldest record is that a newer one did not overwrite.
  let overwritePos = OptionalMember<UInt64>("overwrite_pos")
  let data = Member<[UInt8]>("data")
}

extension KernelObject<BPFRingbufPositions> {
  /// Where the oldest record is that nobody has read.
  var start: UInt64 { max(self.consumerPos, self.overwritePos ?? 0) }

  /// Bytes that are written and not read. Each position is on a page that a process may write to.
  ///
  /// - Throws: for positions that no ring buffer of this size can have.
  func pending(in head: MapHead) throws(ReadFault) -> UInt64 {
    let size = self.mask &+ 1
    guard size == UInt64(head.maxEntries), size & self.mask == 0 else {
      throw .corrupt("a ring buffer of \(size) bytes", at: address)
    }
    let pending = self.producerPos &- start
    guard pending <= size else {
      throw .corrupt(
        "a ring buffer of \(size) bytes whose producer is at \(self.producerPos) and its consumer at "
          + "\(start)", at: address)
    }
    return pending
  }
}

extension MapReader {
  /// The records between the consumer and the producer, oldest first. In a user ring buffer a process
  /// is the producer, and nothing that it wrote can be trusted.
  func ring() throws(ReadFault) -> [MapEntry] {
    let ring = try map.container(\BPFRingbufContents.map).rb
    let (start, pending) = (ring.start, try ring.pending(in: head))
    try admit(Int(head.maxEntries), of: 1)
    // It is mapped twice in a row: no record has a gap in it.
    let data = ring.address(of: \.data)!
    try view.prefetch(at: data + (start & ring.mask), count: Int(pending))
    var records: [MapEntry] = []
    var position = start
    while position != ring.producerPos, records.count < window.end {
      let rest = ring.producerPos &- position
      let address = data + (position & ring.mask)
      let key = ObjectKey("record", id: position, at: address)
      let record = try view.object(key) { () throws(ReadFault) in
        try self.record(at: address, position: position, most: rest)
      }
      // Its length says where the next one is.
      guard let record else { break }
      records.append(MapEntry(key: nil, .record(record)))
      position = position &+ Self.size(of: record)
    }
    return records
  }

  /// BPF_RINGBUF_HDR_SZ, BPF_RINGBUF_BUSY_BIT and BPF_RINGBUF_DISCARD_BIT of
  /// include/uapi/linux/bpf.h.
  private static let headerSize = 8
  private static let busy: UInt32 = 1 << 31
  private static let discarded: UInt32 = 1 << 30

  /// With its header.
  private static func size(of record: RingbufRecord) -> UInt64 {
    UInt64(record.length + headerSize).rounded(to: 8)
  }

  private func record(
    at address: KernelVirtualAddress, position: UInt64, most: UInt64
  ) throws(ReadFault) -> RingbufRecord {
    let word = try view.u32(at: address)
    let length = Int(word & ~(Self.busy | Self.discarded))
    var record = RingbufRecord(
      offset: position, length: length, isBusy: word & Self.busy != 0,
      isDiscarded: word & Self.discarded != 0, data: [])
    guard Self.size(of: record) <= most else {
      throw .corrupt("a record of \(length) bytes, of which \(most) were written", at: address)
    }
    record.data = try view.bytes(at: address + Self.headerSize, count: length)
    return record
  }
}
