import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import TestSupport

/// A guest with network namespaces and devices.
final class NetworkGuest {
  let guest: SyntheticGuest
  private var devices: [UInt64: [UInt64: UInt64]] = [:]
  private var namespaces: [UInt64] = []

  init() {
    var types = KernelTypes.kernel(.linux6)
    types.declare("list_head", size: 16, [("next", 0, .pointer), ("prev", 8, .pointer)])
    types.declare("hlist_node", size: 16, [("next", 0, .pointer), ("pprev", 8, .pointer)])
    types.declare(
      "bpf_link", size: 64, [("id", 0, .u32), ("type", 4, .u32), ("prog", 8, .pointer)])
    types.declare("bpf_xdp_link", size: 72, [("link", 0, .structure("bpf_link"))])
    types.declare(
      "bpf_xdp_entity", size: 16,
      [("prog", 0, .pointer), ("link", 8, .pointerTo("bpf_xdp_link"))])
    types.declare("bpf_mprog_fp", size: 8, [("prog", 0, .pointer)])
    types.declare("bpf_mprog_cp", size: 8, [("link", 0, .pointer)])
    types.declare(
      "bpf_mprog_entry", size: 40,
      [("fp_items", 0, .structures("bpf_mprog_fp", 4)), ("parent", 32, .pointer)])
    types.declare(
      "bpf_mprog_bundle", size: 72,
      [
        ("a", 0, .structure("bpf_mprog_entry")), ("cp_items", 40, .structures("bpf_mprog_cp", 4)),
      ])
    types.declare(
      "tcx_entry", size: 80,
      [("miniq", 0, .pointer), ("bundle", 8, .structure("bpf_mprog_bundle"))])
    types.declare("ns_common", size: 8, [("inum", 0, .u32)])
    types.declare("bpf_prog_array_item", size: 24, [("prog", 0, .pointer)])
    types.declare(
      "bpf_prog_array", size: 16, [("items", 16, .structures("bpf_prog_array_item", 0))])
    types.declare("netns_bpf", size: 16, [("run_array", 0, .pointers(2))])
    types.declare(
      "net", size: 96,
      [
        ("list", 0, .structure("list_head")), ("ns", 16, .structure("ns_common")),
        ("dev_by_index", 24, .structure("xarray")), ("dev_index_head", 40, .pointer),
        ("bpf", 48, .structure("netns_bpf")),
      ])
    types.declare(
      "net_device", size: 128,
      [
        ("name", 0, .bytes(16)), ("ifindex", 16, .u32),
        ("index_hlist", 24, .structure("hlist_node")), ("tcx_ingress", 40, .pointer),
        ("tcx_egress", 48, .pointer), ("xdp_state", 56, .structures("bpf_xdp_entity", 3)),
      ])
    types.declare(
      enum: "netns_bpf_attach_type",
      ["NETNS_BPF_FLOW_DISSECTOR": 0, "NETNS_BPF_SK_LOOKUP": 1])
    types.declare(enum: "bpf_link_type", ["BPF_LINK_TYPE_XDP": 6])
    guest = SyntheticGuest(types, ramBytes: 1 << 21)
    guest.symbols["net_namespace_list"] = guest.dataOffset + 0x2000
    guest.symbols["link_idr"] = guest.dataOffset + 0x2040
    guest.symbols["init_net"] = guest.dataOffset + 0x2080
    guest.ram.write(0x0200_0004 as UInt32, at: guest.place("link_idr") + 4)
  }

  /// The first one is `init_net`, which is a variable.
  func addNamespace(inum: UInt32) -> UInt64 {
    var net = guest.textBase + guest.symbols["init_net"]!
    if !namespaces.isEmpty { net = guest.direct(guest.ram.allocate(96)) }
    guest.ram.write(inum, at: place(of: net) + 16)
    namespaces.append(net)
    return net
  }

  /// - Parameter words: what the device has besides its name and index, by member.
  @discardableResult
  func addDevice(
    _ name: String, index: UInt64, in net: UInt64, _ words: [String: UInt64] = [:],
    xdp: [Int: UInt64] = [:]
  ) -> PhysicalAddress {
    let device = guest.ram.allocate(128)
    guest.ram.write(Array(name.utf8), at: device)
    guest.ram.write(UInt32(index), at: device + 16)
    for (member, word) in words {
      guest.ram.write(word, at: device + guest.types["net_device.\(member)"])
    }
    for (mode, word) in xdp { guest.ram.write(word, at: device + 56 + 16 * mode) }
    devices[net, default: [:]][index] = guest.direct(device)
    return device
  }

  /// Programs of a place, some of them attached by links.
  ///
  /// - Parameter links: ids by index of the program.
  func entry(_ programs: [UInt64], links: [Int: UInt32] = [:]) -> UInt64 {
    let bundle = guest.ram.allocate(80) + 8
    for (index, program) in programs.enumerated() {
      guest.ram.write(program, at: bundle + 8 * index)
    }
    guest.ram.write(guest.direct(bundle), at: bundle + 32)
    for (index, id) in links {
      let link = guest.ram.allocate(64)
      guest.ram.write(id, at: link)
      guest.ram.write(guest.direct(link), at: bundle + 40 + 8 * index)
    }
    return guest.direct(bundle)
  }

  func program(_ id: UInt64) -> UInt64 {
    guest.add(SyntheticProgram(id: id, name: "prog\(id)")).program
  }

  /// The programs of `enum netns_bpf_attach_type` of a namespace.
  func run(_ programs: [UInt64], in net: UInt64, _ type: Int) {
    let array = guest.ram.allocate(16 + 24 * (programs.count + 1))
    for (position, program) in programs.enumerated() {
      guest.ram.write(program, at: array + 16 + 24 * position)
    }
    guest.ram.write(guest.direct(array), at: place(of: net) + 48 + 8 * type)
  }

  /// Links the namespaces and their devices.
  func finish() {
    let head = guest.textBase + guest.symbols["net_namespace_list"]!
    let nodes = [head] + namespaces + [head]
    for index in nodes.indices.dropLast() {
      guest.ram.write(nodes[index + 1], at: place(of: nodes[index]))
      guest.ram.write(nodes[index], at: place(of: nodes[index + 1]) + 8)
    }
    let builder = XArrayBuilder(guest.ram, guest.types, virtual: guest.direct)
    for (net, devices) in devices {
      guest.ram.write(builder.head(devices), at: place(of: net) + 32)
    }
    guest.writeIDR()
  }

  func place(of address: UInt64) -> PhysicalAddress {
    address >= guest.textBase
      ? PhysicalAddress(address &+ guest.displacement) : guest.physical(address)
  }

  func attachments() throws -> Snapshot<[NetworkAttachments]> {
    finish()
    return try guest.bpf().networkAttachments()
  }
}
