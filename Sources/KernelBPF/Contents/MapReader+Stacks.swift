import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_stack_map` of kernel/bpf/stackmap.c.
struct BPFStackContents: KernelStruct {
  static let kernelName = "bpf_stack_map"
  let map = Place("map")
  let nBuckets = Member<UInt32>("n_buckets")
  /// Pointers.
  let buckets = Member<[UInt64]>("buckets")
}

/// `struct stack_map_bucket` of kernel/bpf/stackmap.c.
private struct StackMapBucket: KernelStruct {
  static let kernelName = "stack_map_bucket"
  let nr = Member<UInt32>("nr")
  let data = Member<[UInt64]>("data")
}

extension MapReader {
  /// Stacks by ascending id, which is the number of a bucket. A value is filled up with zeros
  /// (`bpf_stackmap_copy()`).
  func stackTraces() throws(ReadFault) -> [MapEntry] {
    // What is filled up is in no memory that would end.
    guard valueSize / frameSize <= Self.mostFrames else {
      throw .corrupt("a map of stacks of \(valueSize) bytes", at: map.address)
    }
    // `prealloc_elems_and_freelist()`
    try admit(Int(head.maxEntries), of: valueSize)
    let stacks = try map.container(\BPFStackContents.map)
    return try pointers(
      "stack", at: stacks.address(of: \.buckets)!, count: try admit(buckets: stacks.nBuckets)
    ) { index, pointer throws(ReadFault) in
      pointer.rawValue == 0
        ? nil : MapEntry(index: index, .bytes(try self.stack(at: pointer)))
    }
  }

  /// What `perf_event_max_stack` may be at most (kernel/sysctl.c).
  private static let mostFrames = 640 << 10

  /// `stack_map_data_size()`: of an address, or of a build-id with an offset.
  private var frameSize: Int {
    // sizeof(struct bpf_stack_build_id)
    head.hasBuildIDs ? 32 : 8
  }

  private func stack(at address: KernelVirtualAddress) throws(ReadFault) -> [UInt8] {
    let bucket = try walk.read(StackMapBucket.self, at: address)
    guard Int(bucket.nr) * frameSize <= valueSize else {
      throw .corrupt("a stack of \(bucket.nr) frames", at: address)
    }
    let frames = try view.bytes(
      at: bucket.address(of: \.data)!, count: Int(bucket.nr) * frameSize)
    return frames + [UInt8](repeating: 0, count: valueSize - frames.count)
  }
}
