import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct cls_bpf_head` of net/sched/cls_bpf.c, which is mostly a module.
struct ClsBPFHead: KernelStruct {
  static let kernelName = "cls_bpf_head"
  let plist = Place("plist")
}

struct ClsBPFProg: KernelStruct {
  static let kernelName = "cls_bpf_prog"
  let link = Place("link")
  let filter = Member<KernelVirtualAddress>("filter")
  /// Instructions of classic BPF; NULL for a program that has an id.
  let bpfOps = Member<KernelVirtualAddress>("bpf_ops")
  let bpfName = TextLink("bpf_name")
}

extension StructDeclaration {
  /// The same for a kernel that does not keep the types of its modules, as 5.10 has them. Later kernels
  /// have the same layout.
  static let clsBPF = [
    StructDeclaration("cls_bpf_head", [("plist", .structure("list_head"))]),
    StructDeclaration(
      "cls_bpf_prog",
      [
        ("filter", .pointer), ("link", .structure("list_head")), ("res", .structure("tcf_result")),
        ("exts_integrated", .typedef("bool")), ("gen_flags", .typedef("u32")),
        ("in_hw_count", .typedef("u32")), ("exts", .structure("tcf_exts")),
        ("handle", .typedef("u32")), ("bpf_num_ops", .typedef("u16")), ("bpf_ops", .pointer),
        ("bpf_name", .pointer),
      ]),
  ]
}
