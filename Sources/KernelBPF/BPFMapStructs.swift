import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_map` of include/linux/bpf.h.
public struct BPFMapStruct: NumberedStruct {
  public static let kernelName = "bpf_map"
  public static let table = "map_idr"
  public static let noun = "map"
  public let id = Member<UInt32>("id")
  let mapType = Member<UInt32>("map_type")
  /// BPF_OBJ_NAME_LEN is 16.
  let name = Member<String>("name", size: 16)
  let mapFlags = Member<UInt32>("map_flags")
  let keySize = Member<UInt32>("key_size")
  let valueSize = Member<UInt32>("value_size")
  let maxEntries = Member<UInt32>("max_entries")
  /// Since 5.2 (commit 87df15de441b).
  let frozen = OptionalMember<Bool>("frozen")
  let btf = Link<BTFStruct>("btf", isRequired: false)
  /// Embedded in kernels from 6.1 to 6.17, a pointer from 6.18 on and in later stable kernels of
  /// 6.1 and 6.12; 5.10 has it in `bpf_array_aux`.
  let owner = Link<BPFMapOwner>("owner", isRequired: false)
  /// Up to 5.10: what was charged for the map, in pages.
  let memoryPages = OptionalMember<UInt32>("memory.pages")

  public init() {}
}

/// Which programs a prog_array takes: `struct bpf_map_owner`, or an unnamed structure.
struct BPFMapOwner: KernelStruct {
  static let kernelName = "bpf_map_owner"
  /// A number of `enum bpf_prog_type`; 0 as long as the map has no owner.
  let type = Member<UInt32>("type")
  let jited = Member<Bool>("jited")
}

/// `struct btf` of kernel/bpf/btf.c.
struct BTFStruct: KernelStruct {
  static let kernelName = "btf"
  let id = Member<UInt32>("id")
}

/// `struct bpf_array`: the arrays of all types.
struct BPFArrayStruct: KernelStruct {
  static let kernelName = "bpf_array"
  let map = Link<BPFMapHead>("map")
  let elemSize = Member<UInt32>("elem_size")
  let aux = Link<BPFArrayAux>("aux", isRequired: false)
}

struct BPFArrayAux: KernelStruct {
  static let kernelName = "bpf_array_aux"
  /// Up to 5.10; later in `bpf_map`.
  let owner = Link<BPFMapOwner>("owner", isRequired: false)
}

/// `struct bpf_htab` of kernel/bpf/hashtab.c: the hashes of all types but rhash.
struct BPFHashStruct: KernelStruct {
  static let kernelName = "bpf_htab"
  let map = Link<BPFMapHead>("map")
  let buckets = Link<HashBucket>("buckets")
  let nBuckets = Member<UInt32>("n_buckets")
  let elemSize = Member<UInt32>("elem_size")
  /// Elements of a map that is not preallocated.
  let count = OptionalMember<UInt32>("count.counter")
  /// True when they are counted in `pcount`, a counter a CPU, instead: since 6.1.
  let usePercpuCounter = OptionalMember<Bool>("use_percpu_counter")
}

/// `struct bpf_struct_ops_map` of kernel/bpf/bpf_struct_ops.c.
struct BPFStructOpsMap: KernelStruct {
  static let kernelName = "bpf_struct_ops_map"
  let map = Link<BPFMapHead>("map")
  /// 6.12 has it, 6.1 does not.
  let funcsCnt = OptionalMember<UInt32>("funcs_cnt")
  /// 6.12 has it.
  let ksyms = OptionalMember<KernelVirtualAddress>("ksyms")
}

/// `struct lpm_trie` of kernel/bpf/lpm_trie.c.
struct LPMTrie: KernelStruct {
  static let kernelName = "lpm_trie"
  let map = Link<BPFMapHead>("map")
  let nEntries = Member<UInt64>("n_entries")
  let dataSize = Member<UInt64>("data_size")
}

struct LPMTrieNode: KernelStruct {
  static let kernelName = "lpm_trie_node"
}

/// `struct bpf_queue_stack` of kernel/bpf/queue_stack_maps.c.
struct BPFQueueStack: KernelStruct {
  static let kernelName = "bpf_queue_stack"
  let map = Link<BPFMapHead>("map")
  let size = Member<UInt32>("size")
}

/// `struct bpf_ringbuf_map` of kernel/bpf/ringbuf.c.
struct BPFRingbufMap: KernelStruct {
  static let kernelName = "bpf_ringbuf_map"
  let map = Link<BPFMapHead>("map")
  let rb = Link<BPFRingbuf>("rb")
}

struct BPFRingbuf: KernelStruct {
  static let kernelName = "bpf_ringbuf"
  let nrPages = Member<UInt32>("nr_pages")
}

/// `struct bpf_struct_ops_value` of include/linux/bpf.h: what precedes the kernel's structure.
struct BPFStructOpsValue: KernelStruct {
  static let kernelName = "bpf_struct_ops_value"
}

/// A `struct bpf_map` of which nothing is read: where it is in the structure around it.
struct BPFMapHead: KernelStruct {
  static let kernelName = "bpf_map"
}

/// `struct bucket` of kernel/bpf/hashtab.c, of which only the size counts.
struct HashBucket: KernelStruct {
  static let kernelName = "bucket"
}
