import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// Reads what hangs on network namespaces.
struct NetworkReader: Sendable {
  private let xarray: XArrayLayout
  private let links: IDTable<BPFLinkStruct>
  private let list: KernelVirtualAddress
  private let first: KernelVirtualAddress

  init(_ kernel: GuestKernel) throws(KernelError) {
    xarray = try kernel.prepared { () throws(KernelError) in
      do throws(BTFError) { return try XArrayLayout(kernel.btf) } catch { throw .btf(error) }
    }
    links = try .prepared(for: kernel)
    list = try kernel.address(of: "net_namespace_list")
    first = try kernel.address(of: "init_net")
  }

  typealias Namespace = (address: KernelVirtualAddress, attachments: NetworkAttachments)

  func namespaces(in walk: Walk) throws(ReadFault) -> [Namespace] {
    try walk.list(at: list, of: \NetNamespace.list) { net throws(ReadFault) in
      // check_net(): a namespace that is being taken down.
      guard net.count != 0 else { return nil }
      let (devices, dissectors, lookups) = try walk.view.together(
        devices(of: net, in: walk), programs(of: net, "FLOW_DISSECTOR"),
        programs(of: net, "SK_LOOKUP"))
      return (
        net.address,
        NetworkAttachments(
          inum: net.inum, isFirst: net.address == first, xdp: devices.compactMap(\.xdp),
          trafficControl: devices.flatMap(\.trafficControl), flowDissector: dissectors,
          socketLookup: lookups)
      )
    }
  }

  // MARK: Devices

  private func devices(
    of net: KernelObject<NetNamespace>, in walk: Walk
  ) throws(ReadFault) -> [DeviceAttachments] {
    let devices: [DeviceAttachments]
    if let head = net.devByIndex {
      let indexes = 0...UInt64(Int32.max)
      devices = try XArray(xarray, head: head.rawValue).compactMap(indexes, in: walk.view) {
        entry throws(ReadFault) in
        let key = ObjectKey("network device", id: entry.index, at: entry.pointer)
        return try walk.view.object(key) { () throws(ReadFault) in
          try walk.attachments(of: try walk.read(NetDeviceHooks.self, at: entry.pointer))
        }
      }
    } else {
      guard let head = net.devIndexHead else {
        throw .unreadable(Unreadable(.lacking("this kernel shows no list of devices"), at: 0))
      }
      // NETDEV_HASHENTRIES of include/linux/netdevice.h.
      let buckets = HashBuckets(at: head, count: 1 << 8)
      devices = try walk.hlists(in: buckets, of: \HashedNetDevice.indexHlist) {
        device throws(ReadFault) in
        try walk.attachments(of: try device.read(as: NetDeviceHooks.self))
      }
    }
    return devices.sorted { $0.device.index < $1.device.index }
  }

  // MARK: Programs of the namespace itself

  /// - Parameter type: of `enum netns_bpf_attach_type`, without its prefix.
  private func programs(
    of net: KernelObject<NetNamespace>, _ type: String
  ) throws(ReadFault) -> [UInt32] {
    guard let arrays = net.runArrays,
      let number = net.kernel.enumerator(named: "NETNS_BPF_" + type),
      let index = Int(exactly: number),
      arrays.indices.contains(index), arrays[index] != 0
    else { return [] }
    let programs = try net.walk.programs(ofArray: KernelVirtualAddress(arrays[index]))
    return try net.view.each(programs) { prog throws(ReadFault) in
      try net.walk.read(BPFProgTarget.self, at: prog).aux.id
    }
  }

  typealias Filter = (
    namespace: KernelVirtualAddress, isDetached: Bool, filter: NetworkAttachments.Netfilter
  )

  /// What links attach to netfilter, since 6.4: nothing else can attach programs to it.
  func netfilters(in walk: Walk) throws(ReadFault) -> [Filter] {
    guard let type = walk.kernel.linkTypes.number(of: "netfilter") else { return [] }
    return try links.list(ObjectQuery(type: type), in: walk) { link throws(ReadFault) in
      let hook = try link.container(\AttachedNFLink.link)
      let isDetached = hook.dead != 0
      let filter = NetworkAttachments.Netfilter(
        family: hook.pf, hook: hook.hooknum, priority: hook.priority,
        flags: hook.defragHook.map { $0.rawValue == 0 ? 0 : 1 }, id: try link.prog?.aux.id ?? 0,
        isDetached: isDetached)
      return (hook.net, isDetached, filter)
    }.objects
  }
}
