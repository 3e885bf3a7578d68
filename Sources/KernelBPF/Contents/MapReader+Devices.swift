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
  let dev = OptionalLink<NetDevice>("dev")
  /// Since 5.8 (commit 7f1c04269fe7).
  let xdpProg = OptionalLink<BPFProgTarget>("xdp_prog")
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
  let cpu = Member<UInt32>("cpu")
  /// Since 5.9 (commit 9216477449f3).
  let prog = OptionalLink<BPFProgTarget>("prog")
}

/// Arrays whose keys are all listed, and where a key without an entry is an error.
extension MapReader {
  /// `dev_map_lookup_elem()`: what the slot was set to.
  func devices() throws(ReadFault) -> [MapEntry] {
    let devices = try map.container(\BPFDtabContents.map)
    return try slots("device", at: devices.netdevMap) { pointer throws(ReadFault) in
      let device = try walk.read(BPFDtabNetdev.self, at: pointer)
      return (device.address(of: \.val)!, try slot(of: device))
    }
  }

  private func slot(of device: KernelObject<BPFDtabNetdev>) throws(ReadFault) -> MapSlot? {
    let (target, program) = try view.together(device.dev, device.xdpProg?.aux.id)
    return MapDevice(target).map { .device($0, program: program) }
  }

  /// `cpu_map_lookup_elem()`
  func cpuMap() throws(ReadFault) -> [MapEntry] {
    let cpus = try map.container(\BPFCPUMapContents.map)
    return try slots("CPU", at: cpus.cpuMap) { pointer throws(ReadFault) in
      let entry = try walk.read(BPFCPUMapEntry.self, at: pointer)
      return (entry.address(of: \.value)!, .cpu(entry.cpu, program: try entry.prog?.aux.id))
    }
  }

  private func slots(
    _ noun: String, at array: KernelVirtualAddress,
    _ read: (KernelVirtualAddress) throws(ReadFault) -> (value: KernelVirtualAddress, MapSlot?)
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
      let (value, slot) = try read(pointer)
      return MapEntry(index: index, .bytes(try view.bytes(at: value, count: valueSize)), slot: slot)
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
      let (value, slot) = try view.together(
        view.bytes(at: device.address(of: \.val)!, count: valueSize), slot(of: device))
      return MapEntry(index: Int(device.idx), .bytes(value), slot: slot)
    }
  }
}
