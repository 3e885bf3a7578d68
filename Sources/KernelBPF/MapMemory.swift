import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// How much memory a map takes: `memlock` of `bpf_map_show_fdinfo()` in kernel/bpf/syscall.c.
struct MapMemory {
  let map: KernelObject<BPFMapStruct>
  /// The word of bpftool.
  let type: String

  var walk: Walk { map.walk }
  var pageSize: UInt64 { UInt64(walk.kernel.pageSize) }
  /// `num_possible_cpus()`.
  var cpus: UInt64 { get throws(ReadFault) { UInt64(try walk.cpus.count) } }
  var entries: UInt64 { UInt64(map.maxEntries) }
  var valueSize: UInt64 { UInt64(map.valueSize) }

  /// Bytes, modulo 2^64 as the kernel reckons; nil for a type of map, or a kernel, whose rule is not
  /// known here.
  func bytes() throws(ReadFault) -> UInt64? {
    // Up to 5.10 the kernel keeps what it charged.
    if let pages = map.memoryPages { return UInt64(pages) &* pageSize }
    // Since 6.4 (commit 90a5527d7686) each type of map has its own rule.
    guard try walk.has(\BPFMapOps.mapMemUsage) else { return try estimate() }
    return try walk.ifKnown(usage())
  }

  /// 5.11 to 6.3: `bpf_map_memory_footprint()`, for all types alike.
  private func estimate() throws(ReadFault) -> UInt64? {
    var value = valueSize
    if type.contains("percpu_") {
      value = value.rounded(to: 8) &* (try cpus)
    } else if Self.typesOfDescriptors.contains(type) {
      value = 4
    }
    let element = (UInt64(map.keySize) &+ value).rounded(to: 8)
    return (entries &* element).rounded(to: pageSize)
  }

  /// IS_FD_MAP() of kernel/bpf/syscall.c: a value is 4 bytes.
  private static let typesOfDescriptors: Set = [
    "perf_event_array", "cgroup_array", "array_of_maps", "prog_array", "hash_of_maps",
  ]

  /// `map_mem_usage` of `struct bpf_map_ops`.
  private func usage() throws(ReadFault) -> UInt64? {
    switch type {
    case "array", "percpu_array", "prog_array", "perf_event_array", "cgroup_array",
      "array_of_maps":
      try array()
    case "hash", "percpu_hash", "lru_hash", "lru_percpu_hash", "hash_of_maps": try hash()
    case "rhash": try rhash()
    case "lpm_trie": try trie()
    case "queue", "stack": try queue()
    case "ringbuf", "user_ringbuf": try ring()
    case "stack_trace": try stackTrace()
    case "bloom_filter": try bloom()
    case "sk_storage", "inode_storage", "task_storage", "cgrp_storage": try localStorage()
    case "cgroup_storage", "percpu_cgroup_storage": try size(of: "bpf_cgroup_storage_map")
    case "devmap", "devmap_hash": try devmap()
    case "cpumap": try size(of: "bpf_cpu_map") &+ entries &* 8
    case "reuseport_sockarray": try size(of: "reuseport_array") &+ entries &* 8
    case "xskmap": try xskmap()
    case "sockmap": try size(of: "bpf_stab") &+ entries &* 8
    case "sockhash": try sockhash()
    case "struct_ops": try structOps()
    case "arena": (try map.container(\BPFArena.map).nrPages ?? 0) &* pageSize
    case "insn_array": try size(of: "bpf_insn_array") &+ entries &* (16 + 8)
    default: nil
    }
  }

  func size(of declaration: (some KernelStruct).Type) throws(ReadFault) -> UInt64 {
    UInt64(try walk.size(of: declaration))
  }

  /// The same of a structure of which nothing is read.
  func size(of name: String) throws(ReadFault) -> UInt64 {
    UInt64(try walk.size(ofStruct: name))
  }
}

/// `struct bpf_map_ops` of include/linux/bpf.h.
private struct BPFMapOps: KernelStruct {
  static let kernelName = "bpf_map_ops"
  let mapMemUsage = OptionalMember<KernelVirtualAddress>("map_mem_usage")
}

extension UInt64 {
  /// `round_up()` to a power of two, modulo 2^64.
  func rounded(to multiple: UInt64) -> UInt64 {
    (self &+ multiple &- 1) & ~(multiple &- 1)
  }
}
