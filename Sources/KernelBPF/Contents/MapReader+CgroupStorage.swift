import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_cgroup_storage_map` of kernel/bpf/local_storage.c.
private struct BPFCgroupStorageMap: KernelStruct {
  static let kernelName = "bpf_cgroup_storage_map"
  let map = Place("map")
  let list = Place("list")
}

/// `struct bpf_cgroup_storage` of include/linux/bpf-cgroup-defs.h (bpf-cgroup.h before 5.19).
private struct BPFCgroupStorage: KernelStruct {
  static let kernelName = "bpf_cgroup_storage"
  let listMap = Place("list_map")
  /// One place has the names `buf` and `percpu_buf`.
  let buf = Member<KernelVirtualAddress>("buf")
  let cgroup = Member<UInt64>("key.cgroup_inode_id")
  let attachType = Member<UInt32>("key.attach_type")
}

private struct BPFStorageBuffer: KernelStruct {
  static let kernelName = "bpf_storage_buffer"
  let data = Member<[UInt8]>("data")
}

extension MapReader {
  /// A value a cgroup and attach type, or, since 5.9, a cgroup alone (commit 7d9c3427894f).
  func cgroupStorage() throws(ReadFault) -> [MapEntry] {
    guard keySize == 8 || keySize == 16 else {
      throw .corrupt("a \(type) with keys of \(keySize) bytes", at: map.address)
    }
    let hidden = try hiddenFields()
    _ = try walk.cpus
    let list = try map.container(\BPFCgroupStorageMap.map).address(of: \.list)!
    return try walk.list(at: list, of: \BPFCgroupStorage.listMap) { storage throws(ReadFault) in
      let key = storage.cgroup.littleEndianBytes + UInt64(storage.attachType).littleEndianBytes
      guard type == "cgroup_storage" else {
        return MapEntry(key: Array(key[..<keySize]), try perCPU(storage.buf, hidden))
      }
      let data = storage.buf + (try walk.offset(of: \BPFStorageBuffer.data) ?? 0)
      let value = hidden.hiding(try view.bytes(at: data, count: valueSize))
      return MapEntry(key: Array(key[..<keySize]), .bytes(value))
    }
  }
}
