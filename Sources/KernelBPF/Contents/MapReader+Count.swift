import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_map`, of which only the count of elements counts.
private struct BPFMapCount: KernelStruct {
  static let kernelName = "bpf_map"
  /// Since 6.6: a per-CPU pointer to numbers of 64 bits; NULL where nothing is counted.
  let elemCount = OptionalMember<KernelVirtualAddress>("elem_count")
}

/// What the kernel itself counts of a map's entries, beside the entries.
extension MapReader {
  /// Nil where it does not count them.
  func ownCount() throws(ReadFault) -> Int? {
    switch type {
    case "hash", "lru_hash", "percpu_hash", "lru_percpu_hash", "hash_of_maps":
      guard isPreallocated else {
        return Int(clamping: try map.container(\BPFHashStruct.map).elementCount())
      }
      return try preallocatedCount()
    case "lpm_trie": return try trieCount()
    case "rhash": return Int(try map.container(\BPFRhtab.map).nelems)
    case "devmap_hash": return Int(try map.container(\BPFDtab.map).items)
    case "sockhash": return Int(try map.container(\BPFSockHash.map).count)
    default: return nil
    }
  }

  private func preallocatedCount() throws(ReadFault) -> Int? {
    guard let pointer = try map.read(as: BPFMapCount.self).elemCount, pointer.rawValue != 0 else {
      return nil
    }
    let parts = try view.each(try walk.cpus) { cpu throws(ReadFault) in
      try view.u64(at: cpu.address(of: pointer))
    }
    return Int(truncatingIfNeeded: parts.reduce(0, &+))
  }

  private func trieCount() throws(ReadFault) -> Int? {
    Int(clamping: try map.container(\LPMTrie.map).nEntries)
  }
}
