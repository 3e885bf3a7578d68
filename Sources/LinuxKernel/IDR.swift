import BTF
import Bytes
import GuestMemory

/// The kernel's `struct idr` (include/linux/idr.h): ids to pointers, on an xarray.
public struct IDR: Sendable {
  /// Where the members of `struct idr` and its xarray are in this kernel.
  public struct Layout: Hashable, Sendable {
    public var head: Int
    public var base: Int
    public var next: Int
    public var xarray: XArrayLayout

    public init(head: Int, base: Int, next: Int, xarray: XArrayLayout) {
      self.head = head
      self.base = base
      self.next = next
      self.xarray = xarray
    }

    public init(_ btf: BTF) throws(BTFError) {
      // `struct radix_tree_root` is a macro for `struct xarray`.
      self.init(
        head: try btf.requiredField("idr_rt.xa_head", of: "idr").offset,
        base: try btf.requiredField("idr_base", of: "idr").offset,
        next: try btf.requiredField("idr_next", of: "idr").offset,
        xarray: try XArrayLayout(btf))
    }
  }

  public var address: KernelVirtualAddress
  public var layout: Layout

  public init(at address: KernelVirtualAddress, _ layout: Layout) {
    self.address = address
    self.layout = layout
  }

  /// The occupied ids below `idr_next`, ascending, whatever garbage says.
  public func entries(in view: MemoryView) throws(ReadFault) -> [XArray.Entry] {
    let (head, base, next) = try view.gather { () throws(ReadFault) in
      (
        try view.u64(at: address + layout.head), try view.u32(at: address + layout.base),
        try view.u32(at: address + layout.next)
      )
    }
    guard next > 0 else { return [] }
    let last = UInt64(next) &- 1 &- UInt64(base)
    guard last < UInt64(next) else { return [] }
    return try XArray(layout.xarray, head: head).entries(through: last, in: view).map {
      XArray.Entry(index: $0.index + UInt64(base), pointer: $0.pointer)
    }
  }
}
