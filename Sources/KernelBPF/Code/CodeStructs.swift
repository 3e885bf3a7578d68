import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_prog`: its instructions, and how they run.
struct BPFProgCode: KernelStruct {
  static let kernelName = "bpf_prog"
  let aux = Link<BPFProgAuxCode>("aux")
  let len = Member<UInt32>("len")
  let pages = Member<UInt16>("pages")
  /// The instructions follow the structure: a member without a size.
  let insnsi = Member<[UInt64]>("insnsi")
  let bpfFunc = Member<KernelVirtualAddress>("bpf_func")
  let jited = Member<Bool>("jited")
  let jitedLen = Member<UInt32>("jited_len")
  let blinded = OptionalMember<Bool>("blinded")
}

/// `struct bpf_prog_aux`: what the verifier and the compiler to machine code left of the source.
struct BPFProgAuxCode: KernelStruct {
  static let kernelName = "bpf_prog_aux"
  let btf = OptionalLink<BTFHead>("btf")
  /// The verifier's own limit is BPF_MAX_SUBPROGS, 256.
  let funcInfo = Items<BPFFuncRecord>("func_info", count: "func_info_cnt", most: 4096)
  /// At most one for each instruction.
  let linfo = Items<BPFLineRecord>("linfo", count: "nr_linfo", most: 1 << 20)
  /// The address of the machine code of each line; NULL where the compiler left none.
  let jitedLinfo = OptionalMember<KernelVirtualAddress>("jited_linfo")
  /// With subprograms, the machine code of each; the first is the program itself.
  let functions = Items<BPFFunctionCode>("func", count: "func_cnt", most: 4096)
  /// Empty for a program that was not compiled to machine code.
  let ksymName = OptionalMember<String>("ksym.name")
}

/// A function of a program.
struct BPFFunctionCode: KernelStruct {
  static let kernelName = "bpf_prog"
  let aux = Link<BPFFunctionAuxCode>("aux")
  let len = Member<UInt32>("len")
  let bpfFunc = Member<KernelVirtualAddress>("bpf_func")
  let jitedLen = Member<UInt32>("jited_len")
}

struct BPFFunctionAuxCode: KernelStruct {
  static let kernelName = "bpf_prog_aux"
  let ksymName = OptionalMember<String>("ksym.name")
}

/// `struct bpf_func_info` of include/uapi/linux/bpf.h.
struct BPFFuncRecord: KernelStruct {
  static let kernelName = "bpf_func_info"
  let insnOff = Member<UInt32>("insn_off")
  let typeID = Member<UInt32>("type_id")
}

/// `struct bpf_line_info` of include/uapi/linux/bpf.h.
struct BPFLineRecord: KernelStruct {
  static let kernelName = "bpf_line_info"
  let insnOff = Member<UInt32>("insn_off")
  let fileNameOff = Member<UInt32>("file_name_off")
  let lineOff = Member<UInt32>("line_off")
  let lineCol = Member<UInt32>("line_col")
}

/// `struct bpf_prog_aux`, of which only the maps count: a program may be given more of them while
/// it lives (BPF_PROG_BIND_MAP).
struct BPFProgAuxMaps: KernelStruct {
  static let kernelName = "bpf_prog_aux"
  let usedMaps = Items<BPFMapStruct>("used_maps", count: "used_map_cnt", most: 4096)
}
