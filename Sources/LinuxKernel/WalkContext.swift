import GuestScopeGuestMemory
import GuestScopePaging

/// What translating a kernel address needs to know of one boot of one kernel.
public struct WalkContext: Hashable, Sendable {
  /// `init_top_pgt` (x86-64) or `swapper_pg_dir` (arm64). Never a CR3: a process's table is freed
  /// under us.
  public var root: PhysicalAddress
  public var format: PageTableFormat
  /// Where the direct map of all physical memory begins (PAGE_OFFSET); nil where the kernel does
  /// not say, and every address goes through the tables.
  public var pageOffset: KernelVirtualAddress?

  public init(
    root: PhysicalAddress, format: PageTableFormat, pageOffset: KernelVirtualAddress?
  ) {
    self.root = root
    self.format = format
    self.pageOffset = pageOffset
  }

  public var tables: PageTables { PageTables(format, root: root) }
}
