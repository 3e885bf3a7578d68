import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_bloom_filter` of kernel/bpf/bloom_filter.c.
private struct BPFBloomContents: KernelStruct {
  static let kernelName = "bpf_bloom_filter"
  let map = Place("map")
  /// One less than the number of bits, which is a power of two.
  let bitsetMask = Member<UInt32>("bitset_mask")
  let nrHashFuncs = Member<UInt32>("nr_hash_funcs")
  let bitset = Member<[UInt64]>("bitset")
}

extension MapReader {
  /// How full a filter is, which is all that it knows of its elements.
  func bloomFilter() throws(ReadFault) -> [MapEntry] {
    let filter = try map.container(\BPFBloomContents.map)
    let bits = UInt64(filter.bitsetMask) + 1
    // nr_hash_funcs is four bits of map_extra, and the kernel has at least one word of bits.
    guard bits >= 64, bits & (bits - 1) == 0, (1...15).contains(filter.nrHashFuncs) else {
      throw .corrupt(
        "a bloom filter of \(bits) bits and \(filter.nrHashFuncs) hashes", at: filter.address)
    }
    let bytes = Int(bits / 8)
    try admit(bytes, of: 1)
    let start = filter.address(of: \.bitset)!
    var set: UInt64 = 0
    for stretch in Self.stretches(of: 0..<bytes, size: 1) {
      let key = ObjectKey("bits from", id: UInt64(stretch.lowerBound), at: start)
      set +=
        try view.object(key) { () throws(ReadFault) in
          try view.bytes(at: start + stretch.lowerBound, count: stretch.count)
            .reduce(0) { $0 + UInt64($1.nonzeroBitCount) }
        } ?? 0
    }
    return [MapEntry(key: nil, .bloom(BloomFill(bits: bits, set: set, hashes: filter.nrHashFuncs)))]
  }
}
