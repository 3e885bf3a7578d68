import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_prog` of include/linux/bpf.h (linux/filter.h before 5.17).
public struct BPFProgStruct: NumberedStruct {
  public static let kernelName = "bpf_prog"
  public static let table = ObjectTable.Kind.prog
  let type = Member<UInt32>("type")
  let aux = Link<BPFProgAux>("aux")
  /// Before 5.12 (commit 700d4796ef59) the statistics hang on `bpf_prog_aux`.
  let stats = PerCPULink<BPFProgStats>("stats")
  let pages = OptionalMember<UInt16>("pages")
  let len = OptionalMember<UInt32>("len")
  let jitedLen = OptionalMember<UInt32>("jited_len")
  let tag = OptionalMember<[UInt8]>("tag", size: 8)
  let gplCompatible = OptionalMember<Bool>("gpl_compatible")
  let expectedAttachType = OptionalMember<UInt32>("expected_attach_type")

  public init() {}

  public static func type(of prog: KernelObject<Self>) -> UInt32? { prog.type }
  public static let isLasting = true

  public static func id(of prog: KernelObject<Self>) throws(ReadFault) -> UInt32 {
    try prog.aux.id
  }

  /// With its aux, which says when it was loaded: of each program that is known, whatever its type, it can be
  /// shown then that it is still the same.
  public static func isComplete(
    _ prog: KernelObject<Self>, of key: ObjectKey
  ) throws(ReadFault) -> Bool {
    do throws(ReadFault) {
      guard let aux = prog.address(of: \.aux) else { return false }
      return UInt64(try prog.walk.readLasting(BPFProgAux.self, at: aux, of: key).id) == key.id
    } catch .stepLimit {
      throw .stepLimit
    } catch {
      // A miss is on the list: what follows need not wait for it.
      return false
    }
  }

  /// No two programs are loaded in the same nanosecond. A guest that was set back into the verification of a
  /// program, which may last for seconds, gives it the time that it had.
  public static func isStill(_ prog: KernelObject<Self>) throws(ReadFault) -> Bool {
    let aux = try prog.aux
    return try aux.read(as: BPFProgAuxTime.self).loadTime == aux.loadTime
  }
}

/// `struct bpf_prog_aux`: what every answer needs.
struct BPFProgAux: KernelStruct {
  static let kernelName = "bpf_prog_aux"
  let id = Member<UInt32>("id")
  let prog = Member<KernelVirtualAddress>("prog")
  /// BPF_OBJ_NAME_LEN is 16.
  let name = Member<String>("name", size: 16)
  /// Since 5.16 (commit aba64c7da983).
  let verifiedInsns = OptionalMember<UInt32>("verified_insns")
  /// Nanoseconds since boot.
  let loadTime = OptionalMember<UInt64>("load_time")

  /// The table has a program shortly before that has its id (`bpf_prog_alloc_id()` of
  /// kernel/bpf/syscall.c).
  static func isComplete(_ aux: KernelObject<Self>, of key: ObjectKey) throws(ReadFault) -> Bool {
    UInt64(aux.id) == key.id
  }
}

/// `struct bpf_prog_aux`: when the program was loaded, which shows that it is still the same one.
struct BPFProgAuxTime: KernelStruct {
  static let kernelName = "bpf_prog_aux"
  let loadTime = OptionalMember<UInt64>("load_time")
}

/// `struct bpf_prog_aux` before 5.12, which has the statistics.
struct BPFProgAuxStats: KernelStruct {
  static let kernelName = "bpf_prog_aux"
  let stats = PerCPULink<BPFProgStats>("stats")
}

/// `struct bpf_prog_aux`: what a list shows besides, and stays.
struct BPFProgAuxMade: KernelStruct {
  static let kernelName = "bpf_prog_aux"
  let user = OptionalLink<UserStruct>("user")
  let btf = OptionalLink<BTFHead>("btf")
  /// The verifier's own limit is BPF_MAX_SUBPROGS, 256.
  let functions = Items<BPFProgLength>("func", count: "func_cnt", most: 4096)
  /// The type that the program is for: a function, a `btf_trace_…`, a struct of struct_ops.
  let attachBTFID = OptionalMember<UInt32>("attach_btf_id")
  /// Since 5.11 (commit 22dc4a0f5ed1); before, the type is always one of vmlinux.
  let attachBTF = OptionalLink<BTFHead>("attach_btf")
  let offloadRequested = OptionalMember<Bool>("offload_requested")
  /// Since 6.3 (commit 2b3486bc2d23).
  let devBound = OptionalMember<Bool>("dev_bound")
}

/// `struct bpf_prog_aux`: a program gets more maps by BPF_PROG_BIND_MAP.
struct BPFProgAuxMapCount: KernelStruct {
  static let kernelName = "bpf_prog_aux"
  let usedMapCount = OptionalMember<UInt32>("used_map_cnt")
}

/// `struct bpf_prog_aux`: its maps, which stay as long as their number does.
struct BPFProgAuxUsedMaps: KernelStruct {
  static let kernelName = "bpf_prog_aux"
  let usedMapCount = OptionalMember<UInt32>("used_map_cnt")
  /// The verifier's own limit is MAX_USED_MAPS, 64.
  let usedMaps = Items<BPFMapHead>("used_maps", count: "used_map_cnt", most: 4096)
}

/// `struct bpf_prog_aux`: the program that this one traces or replaces, until it is attached: then the link has
/// it.
struct BPFProgAuxTarget: KernelStruct {
  static let kernelName = "bpf_prog_aux"
  let dstProg = OptionalLink<BPFProgTarget>("dst_prog")
}

/// `struct bpf_prog_aux`: NULL once the network device of such a program is gone.
struct BPFProgAuxOffload: KernelStruct {
  static let kernelName = "bpf_prog_aux"
  let offload = OptionalMember<KernelVirtualAddress>("offload")
}

/// `struct bpf_prog_stats`, one a CPU.
struct BPFProgStats: KernelStruct {
  static let kernelName = "bpf_prog_stats"
  /// A `u64_stats_t` since 5.17 (commit 61a0abaee209).
  let cnt = Member<UInt64>("cnt.v.a.a.counter", "cnt")
  let nsecs = Member<UInt64>("nsecs.v.a.a.counter", "nsecs")
  /// Since 5.12 (commit 9ed9e9ba2337).
  let misses = OptionalMember<UInt64>("misses.v.a.a.counter", "misses")
}

/// A function of a program, of which only the size counts.
struct BPFProgLength: KernelStruct {
  static let kernelName = "bpf_prog"
  let jitedLen = OptionalMember<UInt32>("jited_len")
}

/// A program that something else leads to: a link, or a program that is for it.
struct BPFProgTarget: KernelStruct {
  static let kernelName = "bpf_prog"
  let type = Member<UInt32>("type")
  let aux = Link<BPFProgAux>("aux")
}

/// `struct user_struct` of include/linux/sched/user.h.
struct UserStruct: KernelStruct {
  static let kernelName = "user_struct"
  let uid = Member<UInt32>("uid.val", "uid")
}
