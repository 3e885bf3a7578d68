import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import TestSupport

/// A guest with a hierarchy of cgroups. Each has three places for programs: of ingress, egress, and a
/// hook of the LSM.
final class CgroupGuest {
  let guest: SyntheticGuest
  /// `struct cgroup` of the root.
  let root: UInt64
  private var names: [String: UInt64] = [:]
  private let empty: UInt64

  init() {
    var types = KernelTypes.kernel(.linux6)
    types.declare("list_head", size: 16, [("next", 0, .pointer), ("prev", 8, .pointer)])
    types.declare("hlist_head", size: 8, [("first", 0, .pointer)])
    types.declare("hlist_node", size: 16, [("next", 0, .pointer), ("pprev", 8, .pointer)])
    types.declare(
      "kernfs_node", size: 64,
      [("name", 0, .pointer), ("hash", 8, .u32), ("id", 16, .u64), ("__parent", 24, .pointer)])
    types.declare("kernfs_root", size: 32, [("supers", 0, .structure("list_head"))])
    types.declare(
      "cgroup_subsys_state", size: 64,
      [
        ("sibling", 0, .structure("list_head")), ("children", 16, .structure("list_head")),
        ("flags", 32, .u32), ("parent", 40, .pointer),
      ])
    types.declare(
      "cgroup_bpf", size: 56,
      [
        ("effective", 0, .pointers(3)), ("progs", 24, .structures("hlist_head", 3)),
        ("flags", 48, .bytes(3)),
      ])
    types.declare(
      "cgroup", size: 256,
      [
        ("self", 0, .structure("cgroup_subsys_state")), ("kn", 64, .pointerTo("kernfs_node")),
        ("bpf", 72, .structure("cgroup_bpf")),
      ])
    types.declare(
      "cgroup_root", size: 272,
      [("kf_root", 0, .pointerTo("kernfs_root")), ("cgrp", 16, .structure("cgroup"))])
    types.declare("bpf_prog_array_item", size: 24, [("prog", 0, .pointerTo("bpf_prog"))])
    types.declare(
      "bpf_prog_array", size: 16, [("items", 16, .structures("bpf_prog_array_item", 0))])
    types.declare("bpf_link", size: 64, [("prog", 8, .pointerTo("bpf_prog"))])
    types.declare("bpf_cgroup_link", size: 72, [("link", 0, .structure("bpf_link"))])
    types.declare(
      "bpf_prog_list", size: 40,
      [
        ("node", 0, .structure("hlist_node")), ("prog", 16, .pointerTo("bpf_prog")),
        ("link", 24, .pointerTo("bpf_cgroup_link")),
      ])
    types.declare(enum: "css_flags", ["CSS_ONLINE": 2])
    types.declare(
      enum: "cgroup_bpf_attach_type",
      ["CGROUP_INET_INGRESS": 0, "CGROUP_INET_EGRESS": 1, "CGROUP_LSM_START": 2])
    let guest = SyntheticGuest(types, ramBytes: 1 << 21)
    self.guest = guest
    guest.symbols["cgrp_dfl_root"] = guest.dataOffset + 0x2000
    guest.symbols["bpf_empty_prog_array"] = guest.dataOffset + 0x2400
    let start = guest.place("cgrp_dfl_root")
    empty = guest.textBase + guest.symbols["bpf_empty_prog_array"]!
    root = guest.textBase + guest.symbols["cgrp_dfl_root"]! + 16
    let files = guest.ram.allocate(32)
    guest.ram.write(guest.direct(files), at: start)
    for half in [0, 8] { guest.ram.write(guest.direct(files), at: files + half) }
    fill(root, name: "", hash: 0, parent: 0)
  }

  /// Where a cgroup is in RAM.
  func physical(_ cgroup: UInt64) -> PhysicalAddress {
    cgroup < guest.textBase
      ? guest.physical(cgroup) : PhysicalAddress(cgroup &+ guest.displacement)
  }

  func write(_ word: UInt64, _ member: String, of cgroup: UInt64) {
    guest.ram.write(word, at: physical(cgroup) + guest.types[member])
  }

  private func fill(_ cgroup: UInt64, name: String, hash: UInt32, parent: UInt64) {
    let node = guest.ram.allocate(64)
    let text = guest.ram.allocate(64)
    guest.ram.write(Array(name.utf8) + [0], at: text)
    guest.ram.write(guest.direct(text), at: node)
    guest.ram.write(hash, at: node + 8)
    guest.ram.write(UInt64(hash) + 100, at: node + 16)
    let place = physical(cgroup)
    guest.ram.write(cgroup + 16, at: place + 16)
    guest.ram.write(cgroup + 16, at: place + 24)
    guest.ram.write(2 as UInt32, at: place + 32)
    guest.ram.write(parent, at: place + 40)
    guest.ram.write(guest.direct(node), at: place + 64)
    for index in 0..<3 { guest.ram.write(empty, at: place + 72 + 8 * index) }
  }

  /// A cgroup, last in the list of its parent.
  func add(_ name: String, hash: UInt32, to parent: UInt64) -> UInt64 {
    let cgroup = guest.direct(guest.ram.allocate(256))
    fill(cgroup, name: name, hash: hash, parent: parent)
    let last = try! guest.memory.u64(at: physical(parent) + 24)
    guest.ram.write(parent + 16, at: physical(cgroup))
    guest.ram.write(last, at: physical(cgroup) + 8)
    // The node of a sibling is where its cgroup begins.
    guest.ram.write(cgroup, at: physical(last))
    guest.ram.write(cgroup, at: physical(parent) + 24)
    return cgroup
  }

  /// A program, by its address.
  func program(_ id: UInt64) -> UInt64 {
    guest.add(SyntheticProgram(id: id, name: "prog\(id)")).program
  }

  /// Attaches programs to a place of a cgroup, where they also run.
  ///
  /// - Parameter linked: those that a link attaches.
  func attach(
    _ programs: [UInt64], linked: Set<UInt64> = [], flags: UInt8, to cgroup: UInt64, _ index: Int
  ) {
    var node = physical(cgroup) + 96 + 8 * index
    for program in programs {
      let entry = guest.ram.allocate(40)
      guest.ram.write(guest.direct(entry), at: node)
      if linked.contains(program) {
        let link = guest.ram.allocate(72)
        guest.ram.write(program, at: link + 8)
        guest.ram.write(guest.direct(link), at: entry + 24)
      } else {
        guest.ram.write(program, at: entry + 16)
      }
      node = entry
    }
    guest.ram.write([flags], at: physical(cgroup) + 120 + index)
    run(programs, in: cgroup, index)
  }

  /// Makes programs run in a cgroup.
  func run(_ programs: [UInt64], in cgroup: UInt64, _ index: Int) {
    let array = guest.ram.allocate(16 + 24 * (programs.count + 1))
    for (position, program) in programs.enumerated() {
      guest.ram.write(program, at: array + 16 + 24 * position)
    }
    guest.ram.write(guest.direct(array), at: physical(cgroup) + 72 + 8 * index)
  }

  func cgroups(_ query: CgroupQuery = CgroupQuery()) throws -> Snapshot<[CgroupPrograms]?> {
    guest.writeIDR()
    return try guest.bpf().cgroups(query)
  }
}
