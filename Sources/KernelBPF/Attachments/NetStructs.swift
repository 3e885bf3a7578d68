import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct net` of include/net/net_namespace.h: a network namespace and where its programs are.
struct NetNamespace: KernelStruct {
  static let kernelName = "net"
  let list = Place("list")
  let inum = Member<UInt32>("ns.inum")
  let count = OptionalMember<UInt32>(
    "ns.__ns_ref.refs.counter", "ns.count.refs.counter", "count.refs.counter")
  /// Devices by their index, since 6.6 (commit 759ab1edb56c).
  let devByIndex = OptionalMember<KernelVirtualAddress>("dev_by_index.xa_head")
  /// The same in chains of a hash table.
  let devIndexHead = OptionalMember<KernelVirtualAddress>("dev_index_head")
  /// The programs of `enum netns_bpf_attach_type`, as arrays, since 5.9 (commit 695c12147a40).
  let runArrays = OptionalMember<[UInt64]>("bpf.run_array")
}

/// `struct net_device` of include/linux/netdevice.h: where programs are attached to a device.
struct NetDeviceHooks: KernelStruct {
  static let kernelName = "net_device"
  /// IFNAMSIZ is 16.
  let name = Member<String>("name", size: 16)
  let ifindex = Member<Int32>("ifindex")
  /// The elements are those of `enum bpf_xdp_mode`; 5.10 has them.
  let generic = OptionalLink<BPFXDPEntity>("xdp_state[0]")
  let driver = OptionalLink<BPFXDPEntity>("xdp_state[1]")
  let hardware = OptionalLink<BPFXDPEntity>("xdp_state[2]")
  /// Filters of clsact; in `struct tcx_entry` since 6.6.
  let miniqIngress = OptionalMember<KernelVirtualAddress>("miniq_ingress")
  let miniqEgress = OptionalMember<KernelVirtualAddress>("miniq_egress")
  let tcxIngress = OptionalMember<KernelVirtualAddress>("tcx_ingress")
  let tcxEgress = OptionalMember<KernelVirtualAddress>("tcx_egress")
  /// NULL for a device that its driver made by itself.
  let rtnlLinkOps = OptionalLink<RTNLLinkOps>("rtnl_link_ops")
}

/// `struct net_device` in a chain of the hash table.
struct HashedNetDevice: KernelStruct {
  static let kernelName = "net_device"
  let indexHlist = Place("index_hlist")
}

/// `struct net_device`, after which its driver has memory of its own.
struct NetDeviceMemory: KernelStruct {
  static let kernelName = "net_device"
  /// Since 6.11 (commit 13cabc47f8ae); before, the memory begins where the structure ends.
  let priv = OptionalMember<[UInt8]>("priv")
}

/// `struct bpf_xdp_entity` of include/linux/netdevice.h.
struct BPFXDPEntity: KernelStruct {
  static let kernelName = "bpf_xdp_entity"
  /// NULL where a link has the program.
  let prog = Member<KernelVirtualAddress>("prog")
  let link = OptionalLink<AttachingXDPLink>("link")
}

/// `struct bpf_xdp_link` of net/core/dev.c.
struct AttachingXDPLink: KernelStruct {
  static let kernelName = "bpf_xdp_link"
  let prog = Member<KernelVirtualAddress>("link.prog")
}

/// `struct rtnl_link_ops` of include/net/rtnetlink.h.
struct RTNLLinkOps: KernelStruct {
  static let kernelName = "rtnl_link_ops"
  let kind = TextLink("kind")
}

/// `struct bpf_nf_link` of net/netfilter/nf_bpf_link.c: since 6.4.
struct AttachedNFLink: KernelStruct {
  static let kernelName = "bpf_nf_link"
  let link = Place("link")
  let pf = Member<UInt8>("hook_ops.pf")
  let hooknum = Member<UInt32>("hook_ops.hooknum")
  let priority = Member<Int32>("hook_ops.priority")
  /// Since 6.6 (commit 91721c2d02d3).
  let defragHook = OptionalMember<KernelVirtualAddress>("defrag_hook")
  /// The link was detached; its namespace may be gone.
  let dead = Member<UInt32>("dead")
  let net = Member<KernelVirtualAddress>("net")
}
