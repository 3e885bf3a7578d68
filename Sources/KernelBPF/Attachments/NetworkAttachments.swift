import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// The programs of a network namespace.
public struct NetworkAttachments: Sendable {
  /// The inode of the namespace.
  public var inum: UInt32
  /// It is the one that the kernel began with.
  public var isFirst: Bool
  /// By ascending index of their devices.
  public var xdp: [XDP] = []
  public var trafficControl: [TrafficControl] = []
  /// Ids of programs.
  public var flowDissector: [UInt32] = []
  public var socketLookup: [UInt32] = []
  public var netfilter: [Netfilter] = []

  public var isEmpty: Bool {
    xdp.isEmpty && trafficControl.isEmpty && flowDissector.isEmpty && socketLookup.isEmpty
      && netfilter.isEmpty
  }

  public struct Device: Hashable, Sendable {
    public var name: String
    public var index: Int32
  }

  public struct XDP: Sendable {
    public var device: Device
    /// `generic`, `driver`, `offload`, and the ids of their programs.
    public var modes: [(mode: String, id: UInt32)]
  }

  public struct TrafficControl: Sendable {
    public var device: Device
    /// `tcx/ingress`, `tcx/egress`, `netkit/primary`, `netkit/peer`, `clsact/ingress`,
    /// `clsact/egress`.
    public var kind: String
    /// Of the program, or, of clsact, of the filter; nil for one without.
    public var name: String?
    /// Of the program; nil for classic BPF.
    public var id: UInt32?
    /// 0 for a program that no link attaches; nil for a filter of clsact, which none can attach.
    public var linkID: UInt32?
  }

  public struct Netfilter: Sendable {
    public var family: UInt8
    public var hook: UInt32
    public var priority: Int32
    /// BPF_F_NETFILTER_IP_DEFRAG of include/uapi/linux/bpf.h is 1; nil where this kernel has no flags.
    public var flags: UInt32?
    public var id: UInt32
    /// The link was detached: its program does not run any more, and belongs to no namespace.
    public var isDetached: Bool
  }
}

extension BPFObjects {
  /// The programs of all network namespaces: the first one, and others that have any, in the order in
  /// which they were made.
  ///
  /// The namespaces are in a list, which costs a wave each.
  public func networkAttachments() throws(KernelError) -> Snapshot<[NetworkAttachments]> {
    let reader = try NetworkReader(kernel)
    return try snapshot(waveLimit: Self.longListWaveLimit) { walk throws(ReadFault) in
      let (namespaces, filters) = try walk.view.together(
        reader.namespaces(in: walk), reader.netfilters(in: walk))
      return namespaces.compactMap { address, namespace in
        var namespace = namespace
        namespace.netfilter =
          filters.filter { filter in
            filter.isDetached ? namespace.isFirst : filter.namespace == address
          }.map(\.filter).inOrder
        return namespace.isFirst || !namespace.isEmpty ? namespace : nil
      }
    }
  }
}

extension [NetworkAttachments.Netfilter] {
  /// As bpftool sorts them.
  fileprivate var inOrder: Self {
    sorted {
      ($0.family, $0.hook, $0.priority, $0.flags ?? 0)
        < ($1.family, $1.hook, $1.priority, $1.flags ?? 0)
    }
  }
}
