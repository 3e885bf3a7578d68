import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// How much of a ring buffer is written and not read yet.
public struct RingBufferFill: Sendable {
  public var id: UInt64
  public var name: String
  /// Bytes.
  public var size: UInt64
  /// Where its reader is, in bytes since the start.
  public var consumer: UInt64
  /// The same of its writers.
  public var producer: UInt64

  public var pending: UInt64 { producer &- consumer }
}

extension BPFObjects {
  /// What reads the positions of all ring buffers, and nothing that was written to them.
  public func ringBufferWalker() throws(KernelError) -> (Walk) throws(ReadFault) -> [RingBufferFill]
  {
    let table = try IDTable<BPFMapStruct>.prepared(for: kernel)
    return { walk throws(ReadFault) in
      try table.list(in: walk) { map throws(ReadFault) -> RingBufferFill? in
        let head = MapHead(map)
        guard head.typeName == "ringbuf" || head.typeName == "user_ringbuf" else { return nil }
        let ring = try map.container(\BPFRingbufContents.map).rb
        return RingBufferFill(
          id: head.id, name: head.name, size: ring.mask &+ 1,
          consumer: max(ring.consumerPos, ring.overwritePos ?? 0), producer: ring.producerPos)
      }.objects.compactMap { $0 }
    }
  }
}
