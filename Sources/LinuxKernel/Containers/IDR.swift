import GuestScopeBTF
import GuestScopeBytes
import GuestScopeGuestMemory

/// The kernel's `struct idr` (include/linux/idr.h): ids to pointers, on an xarray.
public struct IDR: Sendable {
  /// Where the members of `struct idr` and its xarray are in this kernel.
  public struct Layout: Hashable, Sendable {
    public var flags: Int
    public var head: Int
    public var base: Int
    public var xarray: XArrayLayout

    public init(flags: Int, head: Int, base: Int, xarray: XArrayLayout) {
      self.flags = flags
      self.head = head
      self.base = base
      self.xarray = xarray
    }

    public init(_ btf: BTF) throws(BTFError) {
      let idr = try btf.structID("idr", having: ["idr_rt.xa_head", "idr_base"])
      // `struct radix_tree_root` is a macro for `struct xarray`.
      self.init(
        flags: try btf.requiredField("idr_rt.xa_flags", in: idr).offset,
        head: try btf.requiredField("idr_rt.xa_head", in: idr).offset,
        base: try btf.requiredField("idr_base", in: idr).offset,
        xarray: try XArrayLayout(btf))
    }
  }

  public var address: KernelVirtualAddress
  public var layout: Layout

  public init(at address: KernelVirtualAddress, _ layout: Layout) {
    self.address = address
    self.layout = layout
  }

  /// What `struct idr` keeps besides ids: ROOT_IS_IDR of include/linux/radix-tree.h is 1 << 2, and
  /// IDR_RT_MARKER has one tag bit, above the bits of gfp_t (22 or more).
  static func hasFlags(_ flags: UInt32) -> Bool {
    flags & 0x3f_ffff == 4 && (flags >> 22).nonzeroBitCount == 1
  }

  /// What `body` makes of the occupied ids, ascending. `idr_next` bounds nothing: a cyclic idr
  /// starts again from the lowest ids when it has come to the end.
  ///
  /// - Parameters:
  ///   - ids: those that are wanted; nil for all.
  ///   - check: see `XArray.compactMap`.
  public func compactMap<T>(
    _ ids: Set<UInt64>? = nil, in view: MemoryView,
    check: ([XArray.Entry]) throws(ReadFault) -> Void = { _ in },
    _ body: (XArray.Entry) throws(ReadFault) -> T?
  ) throws(ReadFault) -> [T] {
    let (flags, head, base) = try view.together(
      view.u32(at: address + layout.flags), view.u64(at: address + layout.head),
      UInt64(view.u32(at: address + layout.base)))
    // Ids are positive numbers of 32 bits: idr_alloc() of lib/idr.c.
    let last = UInt64(Int32.max)
    guard base <= last else { throw .corrupt("an idr with base \(base)", at: address) }
    // Zeros where no idr is would pass for an empty one.
    guard !view.isSnapshot || Self.hasFlags(flags) else {
      throw .corrupt("not an idr: its flags are \(flags.hex)", at: address)
    }
    let wanted = ids?.filter { (base...last).contains($0) }
    guard let lowest = wanted == nil ? base : wanted?.min() else { return [] }
    let indexes = (lowest - base)...((wanted?.max() ?? last) - base)
    func wantedEntry(_ entry: XArray.Entry) -> XArray.Entry? {
      let id = entry.index + base
      guard wanted?.contains(id) ?? true else { return nil }
      return XArray.Entry(index: id, pointer: entry.pointer)
    }
    return try XArray(layout.xarray, head: head).compactMap(
      indexes, in: view,
      check: { entries throws(ReadFault) in
        try check(entries.map { XArray.Entry(index: $0.index + base, pointer: $0.pointer) })
      },
      { entry throws(ReadFault) in try wantedEntry(entry).flatMap(body) })
  }
}
