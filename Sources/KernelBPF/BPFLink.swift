import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_link` of include/linux/bpf.h.
public struct BPFLinkStruct: NumberedStruct {
  public static let kernelName = "bpf_link"
  public static let table = ObjectTable.Kind.link
  let id = Member<UInt32>("id")
  let type = Member<UInt32>("type")
  /// NULL for a link of a struct_ops map.
  let prog = OptionalLink<BPFProgTarget>("prog")
  /// Both since 6.18; before, some of the structures around a link have their own.
  let attachType = OptionalMember<UInt32>("attach_type")
  let flags = OptionalMember<UInt32>("flags")

  public init() {}

  public static func id(of link: KernelObject<Self>) -> UInt32 { link.id }
  public static func type(of link: KernelObject<Self>) -> UInt32? { link.type }
}

/// What attaches a BPF program, or a map of struct_ops.
public struct BPFLink: Sendable {
  public var id: UInt64
  /// A number of `enum bpf_link_type`.
  public var type: UInt32
  /// The word of bpftool: `kprobe_multi`; nil for a type that this kernel has no name for.
  public var typeName: String?
  /// 0 for a link without a program.
  public var progID: UInt32
  /// What else a link of this type has, with bpftool's keys, in its order. Nil where this kernel
  /// does not keep it.
  public var details: [Detail]

  public struct Detail: Sendable {
    public var key: String
    public var value: KernelValue?

    init(_ key: String, _ value: KernelValue?) { (self.key, self.value) = (key, value) }
  }
}

extension BPFLink {
  /// Reads a link as `bpf_link_get_info_by_fd()` of kernel/bpf/syscall.c does.
  init(_ link: KernelObject<BPFLinkStruct>) throws(ReadFault) {
    let type = link.kernel.linkTypes[link.type]
    let (program, details) = try link.view.together(
      link.prog?.aux.id ?? 0, link.details(of: type ?? ""))
    self.init(
      id: UInt64(link.id), type: link.type, typeName: type, progID: program, details: details)
  }
}

extension GuestKernel {
  public var linkTypes: EnumNames { words(of: "bpf_link_type", prefix: "BPF_LINK_TYPE_") }
  /// `BPF_CGROUP_INET_INGRESS` is `cgroup_inet_ingress`.
  public var attachTypes: EnumNames { words(of: "bpf_attach_type", prefix: "BPF_") }
}

extension BPFObjects {
  /// The links by ascending id.
  public func links(
    _ query: ObjectQuery = ObjectQuery()
  ) throws(KernelError) -> Snapshot<ObjectList<BPFLink>> {
    let table = try IDTable<BPFLinkStruct>.prepared(for: kernel)
    return try snapshot { walk throws(ReadFault) in
      try table.list(query, in: walk) { link throws(ReadFault) in try BPFLink(link) }
    }
  }
}
