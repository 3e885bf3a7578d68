import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct cgroup_root` of include/linux/cgroup-defs.h.
struct CgroupRoot: KernelStruct {
  static let kernelName = "cgroup_root"
  let cgrp = Place("cgrp")
  let kfRoot = Link<KernfsRoot>("kf_root")
}

/// `struct cgroup` as a node of its hierarchy, which its own `struct cgroup_subsys_state` is.
struct CgroupNode: KernelStruct {
  static let kernelName = "cgroup"
  let own = Place("self")
  let sibling = Place("self.sibling")
  let children = Place("self.children")
  let parent = Member<KernelVirtualAddress>("self.parent")
  let flags = Member<UInt32>("self.flags")
  let kn = Link<CgroupDirectory>("kn")
}

/// `struct kernfs_node` of a cgroup: its directory.
struct CgroupDirectory: KernelStruct {
  static let kernelName = "kernfs_node"
  let id = Member<UInt64>("id")
  /// NULL, or empty, for the root.
  let name = TextLink("name")
  /// Directories list their entries in the order of it.
  let hash = Member<UInt32>("hash")
}

/// `struct cgroup`: the programs that run in it, of its own and of its ancestors, an array for each
/// place to attach to.
struct CgroupEffective: KernelStruct {
  static let kernelName = "cgroup"
  let effective = Member<[UInt64]>("bpf.effective")
}

/// `struct cgroup`: its own programs, a list for each place to attach to.
struct CgroupAttached: KernelStruct {
  static let kernelName = "cgroup"
  /// The first of the lists: a `hlist_head` since 6.0 (commit 00442143a2ab), a `list_head` before.
  let progs = Place("bpf.progs[0]")
}

/// `struct cgroup`: how programs are attached, for each of the places.
struct CgroupFlags: KernelStruct {
  static let kernelName = "cgroup"
  let flags = Member<[UInt8]>("bpf.flags")
}

/// The same in 5.10.
struct CgroupFlagWords: KernelStruct {
  static let kernelName = "cgroup"
  let flags = Member<[UInt32]>("bpf.flags")
}

/// `struct bpf_prog_list` of include/linux/bpf-cgroup-defs.h (bpf-cgroup.h before 5.19).
struct BPFProgListEntry: KernelStruct {
  static let kernelName = "bpf_prog_list"
  let node = Place("node")
  /// NULL for one that a link has attached.
  let prog = Member<KernelVirtualAddress>("prog")
  let link = OptionalLink<AttachingCgroupLink>("link")
}

/// `struct bpf_cgroup_link` of include/linux/bpf-cgroup.h.
struct AttachingCgroupLink: KernelStruct {
  static let kernelName = "bpf_cgroup_link"
  let prog = Member<KernelVirtualAddress>("link.prog")
}
