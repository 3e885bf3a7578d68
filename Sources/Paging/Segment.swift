import GuestScopeGuestMemory

/// A stretch of virtual memory that is physically contiguous and has one set of permissions.
public struct Segment: Hashable, Sendable {
  public var virtual: KernelVirtualAddress
  public var physical: PhysicalAddress
  /// Bytes.
  public var count: UInt64
  public var isWritable: Bool
  public var isExecutable: Bool

  public init(
    virtual: KernelVirtualAddress, physical: PhysicalAddress, count: UInt64, isWritable: Bool,
    isExecutable: Bool
  ) {
    (self.virtual, self.physical, self.count) = (virtual, physical, count)
    (self.isWritable, self.isExecutable) = (isWritable, isExecutable)
  }
}

extension PageTables {
  /// What is mapped in a range of addresses, with neighbours joined.
  public func segments(
    in range: ClosedRange<UInt64>, in view: MemoryView
  ) throws(ReadFault) -> [Segment] {
    var segments: [Segment] = []
    try forEachMapping(in: range, in: view) { mapping throws(ReadFault) in
      if let last = segments.last, last.virtual + last.count == mapping.virtual,
        last.physical + last.count == mapping.physical, last.isWritable == mapping.isWritable,
        last.isExecutable == mapping.isExecutable
      {
        segments[segments.count - 1].count += mapping.count
        return
      }
      segments.append(
        Segment(
          virtual: mapping.virtual, physical: mapping.physical, count: mapping.count,
          isWritable: mapping.isWritable, isExecutable: mapping.isExecutable))
    }
    return segments
  }
}
