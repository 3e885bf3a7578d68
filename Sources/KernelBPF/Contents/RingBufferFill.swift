import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// How much of a ring buffer is written and not read yet.
public struct RingBufferFill: Sendable {
  public var id: UInt64
  public var name: String
  /// Bytes.
  public var size: UInt64
  /// Bytes that wait for its reader.
  public var pending: UInt64
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
        let pending = try ring.pending(in: head)
        return RingBufferFill(
          id: head.id, name: head.name, size: UInt64(head.maxEntries), pending: pending)
      }.objects.compactMap { $0 }
    }
  }
}
