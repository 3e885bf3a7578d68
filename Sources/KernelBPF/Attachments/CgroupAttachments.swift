import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// What is attached to one place of a cgroup.
struct CgroupAttachment {
  /// The word of bpftool for the place: `cgroup_inet_ingress`.
  var type: String
  /// BPF_F_ALLOW_OVERRIDE and BPF_F_ALLOW_MULTI of include/uapi/linux/bpf.h; nil for programs that
  /// run because they are attached here or to an ancestor.
  var flags: UInt32?
  /// Of `struct bpf_prog`, in the order of the list, or in that in which they run.
  var programs: [KernelVirtualAddress]
}

/// Reads the programs of cgroups as `__cgroup_bpf_query()` of kernel/bpf/cgroup.c does.
struct CgroupAttachmentReader {
  let walk: Walk
  let isEffective: Bool
  private var view: MemoryView { walk.view }

  /// BPF_CGROUP_MAX_PROGS of kernel/bpf/cgroup.c is 64.
  private static let mostPrograms = 1 << 10

  /// In the order in which bpftool lists the places.
  func attachments(
    of cgroup: KernelObject<CgroupNode>
  ) throws(ReadFault) -> [CgroupAttachment] {
    let effective = try cgroup.read(as: CgroupEffective.self).effective
    let places = CgroupPlaces(walk.kernel, count: effective.count)
    // Where nothing runs nothing is attached: most cgroups need no further look.
    let empties = (try ifKnown("bpf_empty_prog_array"), try ifKnown("empty_prog_array"))
    let empty = empties.0 ?? empties.1
    let used = places.order.filter { index in
      effective[index] != 0 && effective[index] != empty?.rawValue
    }
    guard !used.isEmpty else { return [] }
    let attachments =
      isEffective
      ? try self.effective(effective, used, places) : try attached(to: cgroup, used, places)
    return attachments.filter { !$0.programs.isEmpty }
  }

  private func effective(
    _ arrays: [UInt64], _ used: [Int], _ places: CgroupPlaces
  ) throws(ReadFault) -> [CgroupAttachment] {
    try view.each(used) { index throws(ReadFault) in
      CgroupAttachment(
        type: places.words[index],
        programs: try walk.programs(ofArray: KernelVirtualAddress(arrays[index])))
    }
  }

  private func attached(
    to cgroup: KernelObject<CgroupNode>, _ used: [Int], _ places: CgroupPlaces
  ) throws(ReadFault) -> [CgroupAttachment] {
    let (flags, heads) = try view.together(
      flags(of: cgroup), heads(of: cgroup, count: places.words.count))
    return try view.each(used) { index throws(ReadFault) in
      CgroupAttachment(
        type: places.words[index], flags: index < flags.count ? flags[index] : 0,
        programs: try programs(at: heads, index))
    }
  }

  private func ifKnown(_ symbol: String) throws(ReadFault) -> KernelVirtualAddress? {
    try walk.ifKnown(walk.symbol(symbol))
  }

  private func flags(of cgroup: KernelObject<CgroupNode>) throws(ReadFault) -> [UInt32] {
    if let bytes = try walk.ifKnown(cgroup.read(as: CgroupFlags.self)) {
      return bytes.flags.map { UInt32($0) }
    }
    return try cgroup.read(as: CgroupFlagWords.self).flags
  }

  // MARK: Lists

  /// The heads of a cgroup's lists of programs.
  private struct Heads {
    var address: KernelVirtualAddress
    /// Bytes of a head.
    var size: Int
    var pointers: [UInt64]
    /// A `list_head` leads back to itself where a `hlist_head` has NULL.
    var areCircular: Bool { size > 8 }
  }

  private func heads(
    of cgroup: KernelObject<CgroupNode>, count: Int
  ) throws(ReadFault) -> Heads {
    let lists = try cgroup.read(as: CgroupAttached.self)
    let (start, size) = (
      lists.address(of: \.progs)!, try walk.size(of: \CgroupAttached.progs) ?? 8
    )
    let bytes = try view.bytes(at: start, count: size * count)
    return Heads(
      address: start, size: size,
      pointers: (0..<count).map { bytes.u64(at: $0 * size) ?? 0 })
  }

  private func programs(
    at heads: Heads, _ index: Int
  ) throws(ReadFault) -> [KernelVirtualAddress] {
    let head = heads.address + heads.size * index
    guard heads.pointers[index] != (heads.areCircular ? head.rawValue : 0) else { return [] }
    if heads.areCircular {
      return try walk.list(
        at: head, of: \BPFProgListEntry.node, most: Self.mostPrograms, program)
    }
    return try walk.hlist(at: head, of: \BPFProgListEntry.node, most: Self.mostPrograms, program)
  }

  /// `prog_list_prog()`; nil for an entry without a program, which is on its way out.
  private func program(
    of entry: KernelObject<BPFProgListEntry>
  ) throws(ReadFault) -> KernelVirtualAddress? {
    let prog = entry.prog.rawValue != 0 ? entry.prog : try entry.link?.prog
    return prog.flatMap { $0.rawValue == 0 ? nil : $0 }
  }
}
