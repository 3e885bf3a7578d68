import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_raw_tp_link` of include/linux/bpf.h (kernel/bpf/syscall.c before 6.10).
struct BPFRawTPLink: KernelStruct {
  static let kernelName = "bpf_raw_tp_link"
  let link = Place("link")
  let btp = Link<BPFRawEventMap>("btp")
  /// Since 6.10 (commit 68ca5d4eebb8).
  let cookie = OptionalMember<UInt64>("cookie")
}

/// `struct bpf_raw_event_map` of include/linux/trace_events.h.
struct BPFRawEventMap: KernelStruct {
  static let kernelName = "bpf_raw_event_map"
  let tp = Link<Tracepoint>("tp")
}

/// `struct tracepoint` of include/linux/tracepoint-defs.h.
struct Tracepoint: KernelStruct {
  static let kernelName = "tracepoint"
  let name = TextLink("name")
}

/// `struct bpf_tracing_link` of include/linux/bpf.h (kernel/bpf/syscall.c before 6.10).
struct BPFTracingLink: KernelStruct {
  static let kernelName = "bpf_tracing_link"
  /// In a `struct bpf_tramp_link` since 5.19 (commit f7e0beaf39d3).
  let link = Place("link.link", "link")
  let attachType = OptionalMember<UInt32>("attach_type")
  let trampoline = OptionalLink<BPFTrampoline>("trampoline")
  let tgtProg = OptionalLink<BPFProgTarget>("tgt_prog")
  /// In a node of the link in 7.2.
  let cookie = OptionalMember<UInt64>("link.node.cookie", "link.cookie")
}

/// `struct bpf_trampoline` of include/linux/bpf.h.
struct BPFTrampoline: KernelStruct {
  static let kernelName = "bpf_trampoline"
  let key = Member<UInt64>("key")
}

/// `struct bpf_tracing_multi_link` of kernel/trace/bpf_trace.c: 7.2 has it.
struct BPFTracingMultiLink: KernelStruct {
  static let kernelName = "bpf_tracing_multi_link"
  let link = Place("link")
  let nodesCnt = OptionalMember<UInt32>("nodes_cnt")
}

/// `struct bpf_iter_link` of kernel/bpf/bpf_iter.c.
struct BPFIterLink: KernelStruct {
  static let kernelName = "bpf_iter_link"
  let link = Place("link")
  let tinfo = Link<BPFIterTargetInfo>("tinfo")
  let map = OptionalLink<BPFMapHead>("aux.map")
  /// 6.1 has cgroups and single tasks, 5.10 does not.
  let cgroupStart = OptionalLink<Cgroup>("aux.cgroup.start")
  let cgroupOrder = OptionalMember<UInt32>("aux.cgroup.order")
  let taskType = OptionalMember<UInt32>("aux.task.type")
  let taskPID = OptionalMember<UInt32>("aux.task.pid")
}

struct BPFIterTargetInfo: KernelStruct {
  static let kernelName = "bpf_iter_target_info"
  let regInfo = Link<BPFIterReg>("reg_info")
}

/// `struct bpf_iter_reg` of include/linux/bpf.h.
struct BPFIterReg: KernelStruct {
  static let kernelName = "bpf_iter_reg"
  let target = TextLink("target")
}

/// `struct bpf_cgroup_link` of include/linux/bpf-cgroup.h.
struct BPFCgroupLink: KernelStruct {
  static let kernelName = "bpf_cgroup_link"
  let link = Place("link")
  let cgroup = OptionalLink<Cgroup>("cgroup")
  /// Up to 6.17.
  let type = OptionalMember<UInt32>("type")
}

/// `struct cgroup` of include/linux/cgroup-defs.h.
struct Cgroup: KernelStruct {
  static let kernelName = "cgroup"
  let kn = Link<KernfsNode>("kn")
}

/// `struct kernfs_node` of include/linux/kernfs.h.
struct KernfsNode: KernelStruct {
  static let kernelName = "kernfs_node"
  let id = Member<UInt64>("id")
}

/// `struct bpf_netns_link` of kernel/bpf/net_namespace.c.
struct BPFNetnsLink: KernelStruct {
  static let kernelName = "bpf_netns_link"
  let link = Place("link")
  let net = OptionalLink<Net>("net")
  /// Up to 6.17.
  let type = OptionalMember<UInt32>("type")
}

/// `struct net` of include/net/net_namespace.h.
struct Net: KernelStruct {
  static let kernelName = "net"
  let inum = Member<UInt32>("ns.inum")
  /// Its references: of the namespace itself up to 5.10, of its `ns_common` since.
  let count = OptionalMember<UInt32>(
    "ns.__ns_ref.refs.counter", "ns.count.refs.counter", "count.refs.counter")
}

/// `struct bpf_xdp_link` of net/core/dev.c.
struct BPFXDPLink: KernelStruct {
  static let kernelName = "bpf_xdp_link"
  let link = Place("link")
  let dev = OptionalLink<NetDevice>("dev")
}

/// `struct net_device` of include/linux/netdevice.h.
struct NetDevice: KernelStruct {
  static let kernelName = "net_device"
  /// IFNAMSIZ is 16.
  let name = Member<String>("name", size: 16)
  let ifindex = Member<Int32>("ifindex")
}

/// `struct tcx_link` of include/net/tcx.h: since 6.6.
struct TCXLink: KernelStruct {
  static let kernelName = "tcx_link"
  let link = Place("link")
  let dev = OptionalLink<NetDevice>("dev")
  /// The type of attachment, up to 6.17.
  let location = OptionalMember<UInt32>("location")
}

/// `struct netkit_link` of drivers/net/netkit.c: since 6.7. Where it is built as a
/// module, its types are in the module's BTF.
struct NetkitLink: KernelStruct {
  static let kernelName = "netkit_link"
  let link = Place("link")
  let dev = OptionalLink<NetDevice>("dev")
  let location = OptionalMember<UInt32>("location")
}

/// `struct sockmap_link` of net/core/sock_map.c: since 6.10.
struct SockmapLink: KernelStruct {
  static let kernelName = "sockmap_link"
  let link = Place("link")
  let map = OptionalLink<BPFMapHead>("map")
  /// Up to 6.17.
  let attachType = OptionalMember<UInt32>("attach_type")
}

/// `struct bpf_struct_ops_link` of kernel/bpf/bpf_struct_ops.c: since 6.4.
struct BPFStructOpsLink: KernelStruct {
  static let kernelName = "bpf_struct_ops_link"
  let link = Place("link")
  let map = OptionalLink<BPFMapHead>("map")
}
