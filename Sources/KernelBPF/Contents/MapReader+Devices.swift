import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_dtab` of kernel/bpf/devmap.c.
private struct BPFDtabContents: KernelStruct {
  static let kernelName = "bpf_dtab"
  let map = Place("map")
  /// Pointers, by the index; of a devmap.
  let netdevMap = Member<KernelVirtualAddress>("netdev_map")
  /// Of a devmap_hash.
  let devIndexHead = Member<KernelVirtualAddress>("dev_index_head")
  let nBuckets = Member<UInt32>("n_buckets")
}

/// `struct bpf_dtab_netdev` of kernel/bpf/devmap.c.
private struct BPFDtabNetdev: KernelStruct {
  static let kernelName = "bpf_dtab_netdev"
  let indexHlist = Place("index_hlist")
  let idx = Member<UInt32>("idx")
  /// `struct bpf_devmap_val`, of which the map's values have the beginning, or all.
  let val = Place("val")
}

/// `struct bpf_cpu_map` of kernel/bpf/cpumap.c.
private struct BPFCPUMapContents: KernelStruct {
  static let kernelName = "bpf_cpu_map"
  let map = Place("map")
  /// Pointers, by the number of the CPU.
  let cpuMap = Member<KernelVirtualAddress>("cpu_map")
}

private struct BPFCPUMapEntry: KernelStruct {
  static let kernelName = "bpf_cpu_map_entry"
  /// `struct bpf_cpumap_val`, of which the map's values have the beginning, or all.
  let value = Place("value")
}

/// Arrays whose keys are all listed, and where a key without an entry is an error.
extension MapReader {
  /// `dev_map_lookup_elem()`: what the slot was set to.
  func devices() throws(ReadFault) -> [MapEntry] {
    let devices = try map.container(\BPFDtabContents.map)
    return try slots("device", at: devices.netdevMap, valueAt: try size(of: \BPFDtabNetdev.val))
  }

  /// `cpu_map_lookup_elem()`
  func cpuMap() throws(ReadFault) -> [MapEntry] {
    let cpus = try map.container(\BPFCPUMapContents.map)
    return try slots("CPU", at: cpus.cpuMap, valueAt: try size(of: \BPFCPUMapEntry.value))
  }

  private func size<Struct: KernelStruct>(
    of member: KeyPath<Struct, Place>
  ) throws(ReadFault) -> Int { try walk.offset(of: member) ?? 0 }

  private func slots(
    _ noun: String, at array: KernelVirtualAddress, valueAt offset: Int
  ) throws(ReadFault) -> [MapEntry] {
    // A value is a number, and the descriptor or the id of a program.
    guard valueSize <= 8 else {
      throw .corrupt("a \(type) with values of \(valueSize) bytes", at: map.address)
    }
    return try pointers(noun, at: array, count: Int(head.maxEntries)) {
      index, pointer throws(ReadFault) in
      guard pointer.rawValue != 0 else {
        return MapEntry(index: index, .error(MapEntry.Errno.noEntry))
      }
      return MapEntry(
        index: index, .bytes(try view.bytes(at: pointer + offset, count: valueSize)))
    }
  }

  /// The devices that are there, in the order of `dev_map_hash_get_next_key()`: by bucket.
  func devicesByKey() throws(ReadFault) -> [MapEntry] {
    let devices = try map.container(\BPFDtabContents.map)
    let buckets = Int(devices.nBuckets)
    try admit(buckets, of: 8)
    guard valueSize <= 8, keySize == 4 else {
      throw .corrupt("a \(type) with values of \(valueSize) bytes", at: map.address)
    }
    return try walk.hlists(
      in: HashBuckets(at: devices.devIndexHead, count: buckets), of: \BPFDtabNetdev.indexHlist,
      most: Int(head.maxEntries)
    ) { device throws(ReadFault) in
      let value = try view.bytes(at: device.address(of: \.val)!, count: valueSize)
      return MapEntry(index: Int(device.idx), .bytes(value))
    }
  }
}
