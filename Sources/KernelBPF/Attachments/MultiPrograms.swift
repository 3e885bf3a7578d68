import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_mprog_entry` of include/linux/bpf_mprog.h: the programs of tcx and netkit, since 6.6.
private struct BPFMprogEntry: KernelStruct {
  static let kernelName = "bpf_mprog_entry"
  /// As many as BPF_MPROG_MAX, up to the first NULL.
  let fpItems = Member<[UInt64]>("fp_items")
  let parent = Link<BPFMprogBundle>("parent")
}

private struct BPFMprogBundle: KernelStruct {
  static let kernelName = "bpf_mprog_bundle"
  /// The links of the programs, NULL for one without.
  let cpItems = Member<[UInt64]>("cp_items")
}

/// `struct tcx_entry` of include/net/tcx.h.
private struct TCXEntry: KernelStruct {
  static let kernelName = "tcx_entry"
  let bundle = Place("bundle")
  let miniq = Member<KernelVirtualAddress>("miniq")
}

private struct AttachingLink: KernelStruct {
  static let kernelName = "bpf_link"
  let id = Member<UInt32>("id")
}

/// A program among those of one place, which run one after the other.
struct MultiProgram {
  var program: AttachedProgram
  /// 0 for a program that no link attaches.
  var linkID: UInt32
}

extension Walk {
  /// The programs of a place in the order in which they run (`bpf_mprog_query()` of
  /// kernel/bpf/mprog.c); none where the pointer is NULL.
  ///
  /// - Parameter entry: of a `struct bpf_mprog_entry`.
  func multiPrograms(of entry: KernelVirtualAddress?) throws(ReadFault) -> [MultiProgram] {
    guard let entry, entry.rawValue != 0 else { return [] }
    let list = try read(BPFMprogEntry.self, at: entry)
    let count = list.fpItems.prefix { $0 != 0 }.count
    guard count > 0 else { return [] }
    let links = try list.parent.cpItems
    return try view.each(0..<count) { index throws(ReadFault) in
      let link = index < links.count ? links[index] : 0
      let (program, id) = try view.together(
        AttachedProgram(read(BPFProgTarget.self, at: KernelVirtualAddress(list.fpItems[index]))),
        link == 0 ? 0 : read(AttachingLink.self, at: KernelVirtualAddress(link)).id)
      return MultiProgram(program: program, linkID: id)
    }
  }

  /// The `struct mini_Qdisc` that hangs on an entry of tcx; nil where there is none.
  func miniQdisc(ofTCX entry: KernelVirtualAddress?) throws(ReadFault) -> KernelVirtualAddress? {
    guard let entry, entry.rawValue != 0 else { return nil }
    return try read(BPFMprogEntry.self, at: entry).parent.container(\TCXEntry.bundle).miniq
  }
}
