import GuestMemory
import Paging

/// What translating a kernel address needs to know of one boot of one kernel.
public struct WalkContext: Hashable, Sendable {
  /// `init_top_pgt` (x86-64) or `swapper_pg_dir` (arm64). Never a CR3: a process's table is freed
  /// under us.
  public var root: PhysicalAddress
  /// Where the direct map of all physical memory begins.
  public var pageOffset: KernelVirtualAddress
  /// x86-64: CR4.LA57.
  public var isFiveLevel: Bool
  /// arm64: TCR_EL1, which says the granule and the size of the address space.
  public var tcr: UInt64?

  public init(
    root: PhysicalAddress, pageOffset: KernelVirtualAddress, isFiveLevel: Bool = false,
    tcr: UInt64? = nil
  ) {
    self.root = root
    self.pageOffset = pageOffset
    self.isFiveLevel = isFiveLevel
    self.tcr = tcr
  }

  public var tables: PageTables { PageTables(.x86_64(fiveLevel: isFiveLevel), root: root) }
}
