import GuestScopeGuestMemory

extension PageTables {
  /// What is mapped in a range of addresses, with those joined that lie in one piece and have the same permissions.
  public func segments(
    in range: ClosedRange<UInt64>, in view: MemoryView
  ) throws(ReadFault) -> [Mapping] {
    var segments: [Mapping] = []
    try forEachMapping(in: range, in: view) { mapping throws(ReadFault) in
      if let last = segments.last, last.virtual + last.count == mapping.virtual,
        last.physical + last.count == mapping.physical, last.isWritable == mapping.isWritable,
        last.isExecutable == mapping.isExecutable
      {
        segments[segments.count - 1].count += mapping.count
        return
      }
      segments.append(mapping)
    }
    return segments
  }
}
