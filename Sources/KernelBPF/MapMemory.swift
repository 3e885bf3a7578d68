import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// How much memory a map takes: `memlock` of `bpf_map_show_fdinfo()` in kernel/bpf/syscall.c.
struct MapMemory: Sendable {
  private enum Rule {
    /// Up to 5.10 `memory.pages` says it.
    case charged
    /// 5.11 to 6.3: `bpf_map_memory_footprint()` estimates it for all types alike.
    case estimated
    /// Since 6.4 (commit 90a5527d7686): `map_mem_usage` of `struct bpf_map_ops`, by type.
    case counted
  }

  private let rule: Rule
  private let pageSize: UInt64
  private let array: StructLayout<BPFArrayStruct>?
  private let hash: StructLayout<BPFHashStruct>?
  private let structOps: StructLayout<BPFStructOpsMap>?
  private let structOpsValue: StructLayout<BPFStructOpsValue>?
  private let trie: StructLayout<LPMTrie>?
  private let trieNode: StructLayout<LPMTrieNode>?
  private let queue: StructLayout<BPFQueueStack>?
  private let ring: StructLayout<BPFRingbufMap>?
  /// HASHTAB_MAP_LOCK_COUNT, of kernels whose hashes have `map_locked` (6.12); 0 in others.
  private let hashLocks: UInt64

  init(_ btf: BTF, map: StructLayout<BPFMapStruct>, pageSize: Int) throws(BTFError) {
    self.pageSize = UInt64(pageSize)
    rule =
      map.has(\.memoryPages)
      ? .charged
      : try btf.field("map_mem_usage", of: "bpf_map_ops") == nil ? .estimated : .counted
    // What one type of map needs must not fail the others.
    array = try? StructLayout(btf)
    hash = try? StructLayout(btf)
    structOps = try? StructLayout(btf)
    structOpsValue = try? StructLayout(btf)
    trie = try? StructLayout(btf)
    trieNode = try? StructLayout(btf)
    queue = try? StructLayout(btf)
    ring = try? StructLayout(btf)
    hashLocks = UInt64(((try? btf.field("map_locked", of: "bpf_htab")) ?? nil)?.size ?? 0) / 8
  }

  /// Bytes; nil for a type of map, or a kernel, whose rule is not known here.
  ///
  /// - Parameters:
  ///   - type: the word of bpftool.
  ///   - cpus: `num_possible_cpus()`; 0 where it is not known.
  func bytes(
    of map: KernelObject<BPFMapStruct>, type: String, cpus: Int, in view: MemoryView
  ) throws(ReadFault) -> UInt64? {
    switch rule {
    case .charged: return map.memoryPages.map { UInt64($0) &* pageSize }
    case .estimated: return estimate(map, type, UInt64(cpus))
    case .counted:
      switch type {
      case _ where Self.arrays.contains(type): return try array(map, type, UInt64(cpus), view)
      case _ where Self.hashes.contains(type): return try hash(map, type, UInt64(cpus), view)
      case "struct_ops": return try structOps(map, view)
      case "lpm_trie": return try trie(map, view)
      case "queue", "stack": return try queue(map, view)
      case "ringbuf", "user_ringbuf": return try ring(map, view)
      default: return nil
      }
    }
  }

  private static let arrays: Set = [
    "array", "percpu_array", "prog_array", "perf_event_array", "cgroup_array", "array_of_maps",
  ]
  private static let hashes: Set = [
    "hash", "percpu_hash", "lru_hash", "lru_percpu_hash", "hash_of_maps",
  ]
  /// IS_FD_MAP() of kernel/bpf/syscall.c: a value is 4 bytes.
  private static let ofDescriptors: Set = [
    "perf_event_array", "cgroup_array", "array_of_maps", "prog_array", "hash_of_maps",
  ]

  private func estimate(
    _ map: KernelObject<BPFMapStruct>, _ type: String, _ cpus: UInt64
  ) -> UInt64? {
    var value = UInt64(map.valueSize)
    if type.contains("percpu_") {
      guard cpus > 0 else { return nil }
      value = value.rounded(to: 8) &* cpus
    } else if Self.ofDescriptors.contains(type) {
      value = 4
    }
    let element = (UInt64(map.keySize) &+ value).rounded(to: 8)
    return (UInt64(map.maxEntries) &* element).rounded(to: pageSize)
  }

  /// `array_map_mem_usage()` of kernel/bpf/arraymap.c.
  private func array(
    _ map: KernelObject<BPFMapStruct>, _ type: String, _ cpus: UInt64, _ view: MemoryView
  ) throws(ReadFault) -> UInt64? {
    guard let layout = array else { return nil }
    let array = try layout.read(at: layout.container(of: map.address, as: \.map), in: view)
    let (head, entries) = (UInt64(layout.size), UInt64(map.maxEntries))
    let elements = entries &* UInt64(array.elemSize)
    if type == "percpu_array" {
      return cpus == 0 ? nil : head &+ entries &* 8 &+ elements &* cpus
    }
    // BPF_F_MMAPABLE of include/uapi/linux/bpf.h.
    guard map.mapFlags & 1 << 10 != 0 else { return head &+ elements }
    return head.rounded(to: pageSize) &+ elements.rounded(to: pageSize)
  }

  /// `htab_map_mem_usage()` of kernel/bpf/hashtab.c.
  private func hash(
    _ map: KernelObject<BPFMapStruct>, _ type: String, _ cpus: UInt64, _ view: MemoryView
  ) throws(ReadFault) -> UInt64? {
    guard let layout = hash, let bucket = layout.size(of: \.buckets), cpus > 0 else { return nil }
    let hash = try layout.read(at: layout.container(of: map.address, as: \.map), in: view)
    let (isPerCPU, isLRU) = (type.contains("percpu_"), type.hasPrefix("lru_"))
    let element = UInt64(hash.elemSize)
    let value = UInt64(map.valueSize).rounded(to: 8)
    var bytes = UInt64(layout.size) &+ UInt64(bucket) &* UInt64(hash.nBuckets)
    bytes &+= 4 &* hashLocks &* cpus
    // BPF_F_NO_PREALLOC of include/uapi/linux/bpf.h.
    if map.mapFlags & 1 == 0 {
      let entries = UInt64(map.maxEntries) &+ (isPerCPU || isLRU ? 0 : cpus)
      bytes &+= entries &* element
      if isPerCPU { return bytes &+ entries &* value &* cpus }
      return isLRU ? bytes : bytes &+ 8 &* cpus
    }
    // A counter a CPU is not summed up here.
    guard hash.usePercpuCounter == false, let count = hash.count else { return nil }
    let entries = UInt64(count)
    bytes &+= entries &* (element &+ 8)
    return isPerCPU ? bytes &+ entries &* (16 &+ value &* cpus) : bytes
  }

  /// `bpf_struct_ops_map_mem_usage()` of kernel/bpf/bpf_struct_ops.c.
  private func structOps(
    _ map: KernelObject<BPFMapStruct>, _ view: MemoryView
  ) throws(ReadFault) -> UInt64? {
    guard let layout = structOps, let head = structOpsValue?.size, layout.has(\.ksyms) else {
      return nil
    }
    let object = try layout.read(at: layout.container(of: map.address, as: \.map), in: view)
    guard let functions = object.funcsCnt else { return nil }
    let value = UInt64(map.valueSize)
    return UInt64(layout.size) &+ value &- UInt64(head) &+ value &+ 16 &* UInt64(functions)
      &+ pageSize
  }

  /// `trie_mem_usage()` of kernel/bpf/lpm_trie.c.
  private func trie(
    _ map: KernelObject<BPFMapStruct>, _ view: MemoryView
  ) throws(ReadFault) -> UInt64? {
    guard let layout = trie, let node = trieNode?.size else { return nil }
    let trie = try layout.read(at: layout.container(of: map.address, as: \.map), in: view)
    return trie.nEntries &* (UInt64(node) &+ trie.dataSize &+ UInt64(map.valueSize))
  }

  /// `queue_stack_map_mem_usage()` of kernel/bpf/queue_stack_maps.c.
  private func queue(
    _ map: KernelObject<BPFMapStruct>, _ view: MemoryView
  ) throws(ReadFault) -> UInt64? {
    guard let layout = queue else { return nil }
    let queue = try layout.read(at: layout.container(of: map.address, as: \.map), in: view)
    return UInt64(layout.size) &+ UInt64(queue.size) &* UInt64(map.valueSize)
  }

  /// `ringbuf_map_mem_usage()` of kernel/bpf/ringbuf.c.
  private func ring(
    _ map: KernelObject<BPFMapStruct>, _ view: MemoryView
  ) throws(ReadFault) -> UInt64? {
    guard let layout = ring else { return nil }
    let object = try layout.read(at: layout.container(of: map.address, as: \.map), in: view)
    guard let buffer = try object.rb?.read(in: view) else { return nil }
    // The data are mapped twice in a row, so that a record can go over the end; the array of
    // pointers to pages has each of them twice, and the other pages once.
    let pages = UInt64(buffer.nrPages)
    let dataPages = UInt64(map.maxEntries) / pageSize
    return UInt64(layout.size) &+ pages &* pageSize &+ 8 &* (pages &+ dataPages)
  }
}

extension UInt64 {
  /// `round_up()` to a power of two, modulo 2^64.
  fileprivate func rounded(to multiple: UInt64) -> UInt64 {
    (self &+ multiple &- 1) & ~(multiple &- 1)
  }
}
