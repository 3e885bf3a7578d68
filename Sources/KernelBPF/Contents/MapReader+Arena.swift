import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_arena` of kernel/bpf/arena.c: 6.9 has it.
private struct BPFArenaContents: KernelStruct {
  static let kernelName = "bpf_arena"
  let map = Place("map")
  /// 0 until a process has mapped an arena that was made without an address.
  let userVMStart = Member<UInt64>("user_vm_start")
  let kernVM = Link<VMStruct>("kern_vm")
  /// 7.2 has it: a `struct page`. It is mapped wherever a program has touched a page that is not there.
  let scratchPage = OptionalMember<KernelVirtualAddress>("scratch_page")
}

/// `struct vm_struct` of include/linux/vmalloc.h.
private struct VMStruct: KernelStruct {
  static let kernelName = "vm_struct"
  let addr = Member<KernelVirtualAddress>("addr")
}

/// A page of an arena that is in memory.
public struct ArenaPage: Hashable, Sendable {
  /// From 0 on.
  public var index: Int
  /// Where processes, and programs in the pointers that they store, have it.
  public var address: UInt64
  public var data: [UInt8]
}

/// Pages come to be when a process writes to them, or a program allocates them. The kernel has them in
/// an area of its own, of four gigabytes, each at the lower half of its address in processes.
extension MapReader {
  /// Half of GUARD_SZ of kernel/bpf/arena.c in bytes: how far the `off` of an instruction reaches, in whole
  /// pages.
  private var guardBytes: Int { max(1 << 15, walk.kernel.pageSize) }
  /// Pages that one table of the last level maps, where pages are of 4 KiB.
  private static let pagesOfStretch = 512

  private struct PageInKernel {
    var index: Int
    var user: UInt64
    var kernel: KernelVirtualAddress
  }

  /// The pages that are there, in the order of their addresses.
  func arenaPages() throws(ReadFault) -> [MapEntry] {
    let pageSize = walk.kernel.pageSize
    let end = window.end
    let isEnough = { (found: [[MapEntry]]) in found.reduce(0) { $0 + $1.count } >= end }
    let stretches = try stretches(until: isEnough) { pages throws(ReadFault) in
      var entries: [MapEntry] = []
      for page in pages {
        let key = ObjectKey("arena page", id: UInt64(page.index), at: page.kernel)
        let data = try view.object(key) { () throws(ReadFault) in
          try view.bytes(at: page.kernel, count: pageSize)
        }
        guard let data else { continue }
        let found = ArenaPage(index: page.index, address: page.user, data: data)
        entries.append(MapEntry(key: nil, .page(found)))
      }
      return entries
    }
    return Array(stretches.joined())
  }

  /// How many pages are there.
  func arenaPageCount() throws(ReadFault) -> Int {
    try stretches { $0.count }.reduce(0, +)
  }

  /// What is made of each stretch of addresses that one page table maps.
  private func stretches<T>(
    until isEnough: ([T]) -> Bool = { _ in false },
    _ read: ([PageInKernel]) throws(ReadFault) -> T
  ) throws(ReadFault) -> [T] {
    let arena = try map.container(\BPFArenaContents.map)
    let pageSize = walk.kernel.pageSize
    let (count, bytes) = (Int(head.maxEntries), UInt64(head.maxEntries) * UInt64(pageSize))
    guard bytes <= 1 << 32 else {
      throw .corrupt("an arena of \(count) pages", at: arena.address)
    }
    let (area, scratch) = try view.together(arena.kernVM.addr, scratchPage(of: arena))
    // An arena has no more than one 32-bit half of addresses in it.
    let start = KernelVirtualAddress(
      walk.kernel.addressSpace.tables.format.untagged(
        (area + guardBytes + (arena.userVMStart & 0xffff_ffff)).rawValue))
    guard start.rawValue.isMultiple(of: UInt64(pageSize)),
      !start.rawValue.addingReportingOverflow(bytes).overflow
    else {
      throw .corrupt("an arena whose pages begin at \(start.rawValue.hex)", at: arena.address)
    }
    let step = Self.pagesOfStretch
    var found: [T] = []
    for first in stride(from: 0, to: count, by: step) where !isEnough(found) {
      let stretch = first..<min(first + step, count)
      let from = (start + pageSize * stretch.lowerBound).rawValue
      let range = from...from + (UInt64(pageSize * stretch.count) - 1)
      let key = ObjectKey("arena pages from", id: UInt64(first), at: start)
      let part = try view.object(key) { () throws(ReadFault) in
        var pages: [PageInKernel] = []
        try walk.kernel.addressSpace.tables.forEachMapping(in: range, in: view) { mapping in
          guard mapping.count == UInt64(pageSize), mapping.physical != scratch else { return }
          let index = Int((mapping.virtual.rawValue - start.rawValue) / UInt64(pageSize))
          pages.append(
            PageInKernel(
              index: index, user: arena.userVMStart &+ UInt64(index * pageSize),
              kernel: mapping.virtual))
        }
        return try read(pages)
      }
      if let part { found.append(part) }
    }
    return found
  }

  private func scratchPage(
    of arena: KernelObject<BPFArenaContents>
  ) throws(ReadFault) -> PhysicalAddress? {
    guard let page = arena.scratchPage, page.rawValue != 0 else { return nil }
    return try walk.physicalAddress(ofPage: page)
  }
}
