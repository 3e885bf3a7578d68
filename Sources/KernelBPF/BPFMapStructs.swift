import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_map` of include/linux/bpf.h.
public struct BPFMapStruct: NumberedStruct {
  public static let kernelName = "bpf_map"
  public static let table = ObjectTable.Kind.map
  let id = Member<UInt32>("id")
  let mapType = Member<UInt32>("map_type")
  /// BPF_OBJ_NAME_LEN is 16.
  let name = Member<String>("name", size: 16)
  let mapFlags = Member<UInt32>("map_flags")
  let keySize = Member<UInt32>("key_size")
  let valueSize = Member<UInt32>("value_size")
  let maxEntries = Member<UInt32>("max_entries")
  /// Since 5.2 (commit 87df15de441b).
  let frozen = OptionalMember<Bool>("frozen")
  let btf = OptionalLink<BTFHead>("btf")
  /// Embedded in kernels from 6.1 to 6.17, a pointer from 6.18 on and in later stable kernels of
  /// 6.1 and 6.12; 5.10 has it in `bpf_array_aux`.
  let owner = OptionalLink<BPFMapOwner>("owner")
  /// Up to 5.10: what was charged for the map, in pages.
  let memoryPages = OptionalMember<UInt32>("memory.pages")

  public init() {}

  public static func id(of map: KernelObject<Self>) -> UInt32 { map.id }
  public static func type(of map: KernelObject<Self>) -> UInt32? { map.mapType }
}

/// `struct bpf_map`, of which only the id counts.
struct BPFMapHead: KernelStruct {
  static let kernelName = "bpf_map"
  let id = Member<UInt32>("id")
}

/// Which programs a prog_array takes: `struct bpf_map_owner`, or an unnamed structure.
struct BPFMapOwner: KernelStruct {
  static let kernelName = "bpf_map_owner"
  /// A number of `enum bpf_prog_type`; 0 as long as the map has no owner.
  let type = Member<UInt32>("type")
  let jited = Member<Bool>("jited")
}

/// `struct bpf_array`: the arrays of all types.
struct BPFArrayStruct: KernelStruct {
  static let kernelName = "bpf_array"
  let map = Place("map")
  let elemSize = Member<UInt32>("elem_size")
  let aux = OptionalLink<BPFArrayAux>("aux")
}

struct BPFArrayAux: KernelStruct {
  static let kernelName = "bpf_array_aux"
  /// Up to 5.17; later in `bpf_map` (commit f45d5b6ce2e8).
  let owner = OptionalLink<BPFMapOwner>("owner")
}

/// `struct bpf_htab` of kernel/bpf/hashtab.c: the hashes of all types but rhash.
struct BPFHashStruct: KernelStruct {
  static let kernelName = "bpf_htab"
  let map = Place("map")
  let nBuckets = Member<UInt32>("n_buckets")
  let elemSize = Member<UInt32>("elem_size")
  /// A per-CPU pointer; NULL for a map that has none.
  let extraElems = Member<KernelVirtualAddress>("extra_elems")
  /// Elements of a map that is not preallocated.
  let count = OptionalMember<UInt32>("count.counter")
  /// True when they are counted in `pcount`, a counter a CPU, instead: since 6.1.
  let usePercpuCounter = OptionalMember<Bool>("use_percpu_counter")
  let pcount = OptionalLink<PercpuCounter>("pcount")
}

/// `struct bpf_htab`, of which only the size of a member counts.
struct BPFHashLocks: KernelStruct {
  static let kernelName = "bpf_htab"
  /// HASHTAB_MAP_LOCK_COUNT pointers, until 6.15 (commit 4fa8d68aa53e).
  let mapLocked = OptionalMember<[UInt64]>("map_locked")
}

/// `struct percpu_counter` of include/linux/percpu_counter.h.
struct PercpuCounter: KernelStruct {
  static let kernelName = "percpu_counter"
  let count = Member<Int64>("count")
  /// A per-CPU pointer to numbers of 32 bits.
  let counters = Member<KernelVirtualAddress>("counters")
}

/// `struct bpf_struct_ops_map` of kernel/bpf/bpf_struct_ops.c.
struct BPFStructOpsMapSize: KernelStruct {
  static let kernelName = "bpf_struct_ops_map"
  let map = Place("map")
  /// Since 6.13 (commit 821a3fa32bbe), and in later releases of 6.12.
  let funcsCnt = OptionalMember<UInt32>("funcs_cnt")
  /// Since 6.13 (commit 7c8ce4ffb684), and in later releases of 6.12.
  let ksyms = OptionalMember<KernelVirtualAddress>("ksyms")
}

/// `struct lpm_trie` of kernel/bpf/lpm_trie.c.
struct LPMTrie: KernelStruct {
  static let kernelName = "lpm_trie"
  let map = Place("map")
  let nEntries = Member<UInt64>("n_entries")
  let dataSize = Member<UInt64>("data_size")
}

/// `struct bpf_queue_stack` of kernel/bpf/queue_stack_maps.c.
struct BPFQueueStack: KernelStruct {
  static let kernelName = "bpf_queue_stack"
  let map = Place("map")
  let size = Member<UInt32>("size")
}

/// `struct bpf_ringbuf_map` of kernel/bpf/ringbuf.c.
struct BPFRingbufMap: KernelStruct {
  static let kernelName = "bpf_ringbuf_map"
  let map = Place("map")
  let rb = Link<BPFRingbuf>("rb")
}

struct BPFRingbuf: KernelStruct {
  static let kernelName = "bpf_ringbuf"
  let nrPages = Member<UInt32>("nr_pages")
}

/// `struct bpf_rhtab` of kernel/bpf/hashtab.c: 7.2 has it.
struct BPFRhtab: KernelStruct {
  static let kernelName = "bpf_rhtab"
  let map = Place("map")
  let elemSize = Member<UInt32>("elem_size")
  let nelems = Member<UInt32>("ht.nelems.counter")
}

/// `struct bpf_stack_map` of kernel/bpf/stackmap.c.
struct BPFStackMap: KernelStruct {
  static let kernelName = "bpf_stack_map"
  let map = Place("map")
  let nBuckets = Member<UInt32>("n_buckets")
}

/// `struct bpf_bloom_filter` of kernel/bpf/bloom_filter.c.
struct BPFBloomFilter: KernelStruct {
  static let kernelName = "bpf_bloom_filter"
  let map = Place("map")
  let bitsetMask = Member<UInt32>("bitset_mask")
}

/// `struct bpf_local_storage_map` of include/linux/bpf_local_storage.h.
struct BPFLocalStorageMap: KernelStruct {
  static let kernelName = "bpf_local_storage_map"
  let map = Place("map")
  let bucketLog = Member<UInt32>("bucket_log")
}

/// `struct bpf_dtab` of kernel/bpf/devmap.c.
struct BPFDtab: KernelStruct {
  static let kernelName = "bpf_dtab"
  let map = Place("map")
  let nBuckets = Member<UInt32>("n_buckets")
  let items = Member<UInt32>("items")
}

/// `struct xsk_map` of include/net/xdp_sock.h.
struct XSKMap: KernelStruct {
  static let kernelName = "xsk_map"
  let map = Place("map")
  let count = Member<UInt32>("count.counter")
}

/// `struct bpf_shtab` of net/core/sock_map.c.
struct BPFSockHash: KernelStruct {
  static let kernelName = "bpf_shtab"
  let map = Place("map")
  let bucketsNum = Member<UInt32>("buckets_num")
  let elemSize = Member<UInt32>("elem_size")
  let count = Member<UInt32>("count.counter")
}

/// `struct bpf_arena` of kernel/bpf/arena.c.
struct BPFArena: KernelStruct {
  static let kernelName = "bpf_arena"
  let map = Place("map")
  /// 7.3 counts pages; before, an arena takes no memory by its own account.
  let nrPages = OptionalMember<UInt64>("nr_pages")
}
