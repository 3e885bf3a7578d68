import GuestScopeGuestMemory
import GuestScopeKernelImage
import GuestScopePaging

/// The kernel's own view of memory: windows that are physically contiguous, page tables else. What
/// translating an address needs of one boot of one kernel.
public struct KernelAddressSpace: AddressSpace, Hashable, Sendable {
  /// A stretch of virtual addresses that lies in one piece in physical memory.
  public struct Window: Hashable, Sendable {
    static let image = "kernel image"

    /// `direct map` or `kernel image`.
    public var name: String
    public var virtual: ClosedRange<UInt64>
    /// What to add to a virtual address, modulo 2^64: `phys_base` may be "negative".
    public var displacement: UInt64

    public init(name: String, virtual: ClosedRange<UInt64>, displacement: UInt64) {
      self.name = name
      self.virtual = virtual
      self.displacement = displacement
    }

    /// The window in which a kernel maps all memory, as far as there is RAM; nil where that would
    /// reach beyond the last address.
    static func directMap(of ram: RAMMap, displacement: UInt64) -> Window? {
      let start = ram.regions.first?.lowerBound ?? 0
      let lower = start &- displacement
      let (upper, isBeyondAll) = lower.addingReportingOverflow(max(ram.end, start + 1) - start - 1)
      guard !isBeyondAll else { return nil }
      return Window(name: "direct map", virtual: lower...upper, displacement: displacement)
    }
  }

  /// In the order to try.
  public var windows: [Window]
  /// From `init_top_pgt` (x86-64) or `swapper_pg_dir` (arm64). Never from a CR3: a process's table
  /// is freed under us.
  public var tables: PageTables
  /// Where the direct map of all physical memory begins (PAGE_OFFSET); nil where the kernel does
  /// not say, and every address of it goes through the tables.
  public var pageOffset: KernelVirtualAddress?

  public init(
    windows: [Window], tables: PageTables, pageOffset: KernelVirtualAddress? = nil
  ) {
    self.windows = windows
    self.tables = tables
    self.pageOffset = pageOffset
  }

  /// The window that an address is in and its physical address, if that is RAM.
  public func window(
    at address: KernelVirtualAddress, ram: RAMMap
  ) -> (Window, PhysicalAddress)? {
    let address = tables.format.untagged(address.rawValue)
    for window in windows where window.virtual.contains(address) {
      let physical = PhysicalAddress(address &+ window.displacement)
      // The direct map has holes where the guest has no RAM.
      if ram.region(at: physical) != nil { return (window, physical) }
    }
    return nil
  }

  public func translate(
    page: KernelVirtualAddress, in view: MemoryView
  ) throws(ReadFault) -> PhysicalAddress {
    if let (_, physical) = window(at: page, ram: view.ram) { return physical }
    guard let mapping = try tables.mapping(at: page, in: view) else {
      throw .unreadable(Unreadable(.notMapped, at: page.rawValue))
    }
    return mapping.physical + (page.rawValue - mapping.virtual.rawValue)
  }
}

extension GuestKernel {
  /// The symbol before an address in the kernel image; nil for one elsewhere.
  public func imageSymbol(at address: UInt64) -> (symbol: KernelSymbols.Symbol, offset: UInt64)? {
    let image = addressSpace.windows.first { $0.name == KernelAddressSpace.Window.image }
    guard image?.virtual.contains(address) == true else { return nil }
    return symbols.nearest(to: address)
  }
}
