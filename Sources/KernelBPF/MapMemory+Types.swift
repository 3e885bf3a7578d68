import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// What each type of map counts. Sums are modulo 2^64.
extension MapMemory {
  /// BPF_F_NO_PREALLOC and BPF_F_MMAPABLE of include/uapi/linux/bpf.h.
  private var isPreallocated: Bool { map.mapFlags & 1 == 0 }
  private var isMmapable: Bool { map.mapFlags & 1 << 10 != 0 }

  /// `array_map_mem_usage()` of kernel/bpf/arraymap.c.
  func array() throws(ReadFault) -> UInt64 {
    let head = try size(of: BPFArrayStruct.self)
    let elements = entries &* UInt64(try map.container(\BPFArrayStruct.map).elemSize)
    if type == "percpu_array" { return head &+ entries &* 8 &+ elements &* (try cpus) }
    guard isMmapable else { return head &+ elements }
    return head.rounded(to: pageSize) &+ elements.rounded(to: pageSize)
  }

  /// `htab_map_mem_usage()` of kernel/bpf/hashtab.c.
  func hash() throws(ReadFault) -> UInt64 {
    let hash = try map.container(\BPFHashStruct.map)
    let (isPerCPU, isLRU) = (type.contains("percpu_"), type.hasPrefix("lru_"))
    let (element, cpus) = (UInt64(hash.elemSize), try cpus)
    let value = valueSize.rounded(to: 8)
    var bytes = try size(of: BPFHashStruct.self)
    bytes &+= try size(of: "bucket") &* UInt64(hash.nBuckets)
    let locks = try walk.size(of: \BPFHashLocks.mapLocked).map { UInt64($0) / 8 } ?? 0
    bytes &+= 4 &* locks &* cpus
    if isPreallocated {
      // htab_has_extra_elems(): for each CPU one more, to replace an element by.
      let entries = entries &+ (hash.extraElems.rawValue == 0 ? 0 : cpus)
      bytes &+= entries &* element
      if isPerCPU { return bytes &+ entries &* value &* cpus }
      return isLRU ? bytes : bytes &+ 8 &* cpus
    }
    let count = try hash.elementCount()
    bytes &+= count &* (element &+ 8)
    return isPerCPU ? bytes &+ count &* (16 &+ value &* cpus) : bytes
  }

  /// `rhtab_map_mem_usage()` of kernel/bpf/hashtab.c.
  func rhash() throws(ReadFault) -> UInt64 {
    let hash = try map.container(\BPFRhtab.map)
    return try size(of: BPFRhtab.self) &+ UInt64(hash.elemSize) &* UInt64(hash.nelems)
  }

  /// `trie_mem_usage()` of kernel/bpf/lpm_trie.c.
  func trie() throws(ReadFault) -> UInt64 {
    let trie = try map.container(\LPMTrie.map)
    return trie.nEntries &* (try size(of: "lpm_trie_node") &+ trie.dataSize &+ valueSize)
  }

  /// `queue_stack_map_mem_usage()` of kernel/bpf/queue_stack_maps.c.
  func queue() throws(ReadFault) -> UInt64 {
    let queue = try map.container(\BPFQueueStack.map)
    return try size(of: BPFQueueStack.self) &+ UInt64(queue.size) &* valueSize
  }

  /// `ringbuf_map_mem_usage()` of kernel/bpf/ringbuf.c.
  func ring() throws(ReadFault) -> UInt64 {
    // The data are mapped twice in a row, so that a record can go over the end; the array of
    // pointers to pages has each of them twice, and the other pages once.
    let pages = UInt64(try map.container(\BPFRingbufMap.map).rb.nrPages)
    let pointers = pages &+ entries / pageSize
    return try size(of: BPFRingbufMap.self) &+ pages &* pageSize &+ 8 &* pointers
  }

  /// `stack_map_mem_usage()` of kernel/bpf/stackmap.c.
  func stackTrace() throws(ReadFault) -> UInt64 {
    let buckets = UInt64(try map.container(\BPFStackMap.map).nBuckets)
    let element = try size(of: "stack_map_bucket") &+ valueSize
    return try size(of: BPFStackMap.self) &+ buckets &* 8 &+ entries &* element
  }

  /// `bloom_map_mem_usage()` of kernel/bpf/bloom_filter.c.
  func bloom() throws(ReadFault) -> UInt64 {
    let bits = UInt64(try map.container(\BPFBloomFilter.map).bitsetMask) &+ 1
    return try size(of: BPFBloomFilter.self) &+ ((bits &+ 7) / 8).rounded(to: 8)
  }

  /// `bpf_local_storage_map_mem_usage()` of kernel/bpf/bpf_local_storage.c, which leaves elements
  /// out.
  func localStorage() throws(ReadFault) -> UInt64 {
    let storage = try map.container(\BPFLocalStorageMap.map)
    let bucket = try size(of: "bpf_local_storage_map_bucket")
    return try size(of: BPFLocalStorageMap.self) &+ bucket << UInt64(storage.bucketLog & 31)
  }

  /// `dev_map_mem_usage()` of kernel/bpf/devmap.c.
  func devmap() throws(ReadFault) -> UInt64 {
    let devices = try map.container(\BPFDtab.map)
    let slots = type == "devmap_hash" ? UInt64(devices.nBuckets) : entries
    return try size(of: BPFDtab.self) &+ slots &* 8
      &+ UInt64(devices.items) &* (try size(of: "bpf_dtab_netdev"))
  }

  /// `xsk_map_mem_usage()` of net/xdp/xskmap.c.
  func xskmap() throws(ReadFault) -> UInt64 {
    let count = UInt64(try map.container(\XSKMap.map).count)
    return try size(of: XSKMap.self) &+ entries &* 8 &+ count &* (try size(of: "xsk_map_node"))
  }

  /// `sock_hash_mem_usage()` of net/core/sock_map.c.
  func sockhash() throws(ReadFault) -> UInt64 {
    let hash = try map.container(\BPFSockHash.map)
    return try size(of: BPFSockHash.self)
      &+ UInt64(hash.bucketsNum) &* (try size(of: "bpf_shtab_bucket"))
      &+ UInt64(hash.count) &* UInt64(hash.elemSize)
  }

  /// `bpf_struct_ops_map_mem_usage()` of kernel/bpf/bpf_struct_ops.c; nil before 6.12, whose rule
  /// is another one.
  func structOps() throws(ReadFault) -> UInt64? {
    let object = try map.container(\BPFStructOpsMapSize.map)
    guard let functions = object.funcsCnt, object.has(\.ksyms) else { return nil }
    let own = try size(of: BPFStructOpsMapSize.self)
    // The kernel's copy of the value is at the end of the map, of which one is counted already.
    return own &+ valueSize &- (try size(of: "bpf_struct_ops_value")) &+ valueSize
      &+ 16 &* UInt64(functions) &+ pageSize
  }
}

extension KernelObject<BPFHashStruct> {
  /// Elements of a map that is not preallocated.
  func elementCount() throws(ReadFault) -> UInt64 {
    self.usePercpuCounter == true ? try self.pcount?.sum() ?? 0 : UInt64(self.count ?? 0)
  }
}

extension KernelObject<PercpuCounter> {
  /// `percpu_counter_sum()` of lib/percpu_counter.c; nothing for a sum below zero.
  fileprivate func sum() throws(ReadFault) -> UInt64 {
    let parts = try view.each(try walk.cpus) { cpu throws(ReadFault) in
      Int64(Int32(bitPattern: try view.u32(at: cpu.address(of: self.counters))))
    }
    return UInt64(max(0, parts.reduce(self.count, &+)))
  }
}
