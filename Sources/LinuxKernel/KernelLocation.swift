import GuestScopeGuestMemory
import GuestScopePaging

/// Where a running kernel's image is, found in registers and page tables alone.
public struct KernelLocation: Hashable, Sendable {
  /// The first mapped address of the image.
  public var start: KernelVirtualAddress
  /// What to add to an image address, modulo 2^64, to get a physical one.
  public var displacement: UInt64
  /// The image's segments, ascending.
  public var segments: [PageTables.Mapping]
  /// The tables that showed it: a process's on x86-64.
  public var tables: PageTables
  /// CR4 or TCR_EL1, which describes the format of the tables.
  public var control: UInt64

  /// True for what other tables show of the same image.
  func isSameImage(as other: KernelLocation) -> Bool {
    start == other.start && displacement == other.displacement
  }

  /// The image as a window of the kernel's address space.
  var window: KernelAddressSpace.Window {
    let end = segments.last.map { $0.virtual.rawValue &+ ($0.count - 1) } ?? start.rawValue
    return KernelAddressSpace.Window(
      name: KernelAddressSpace.Window.image, virtual: start.rawValue...max(end, start.rawValue),
      displacement: displacement)
  }

  /// The longest read-only and non-executable segment after the code: kallsyms, BTF, notes and
  /// banner are there. Nil before mark_rodata_ro(), which runs just before init starts.
  public var readOnlyData: PageTables.Mapping? {
    // Before the code there is the header of an arm64 image, which is read-only early.
    segments.drop { !$0.isExecutable }.filter { !$0.isWritable && !$0.isExecutable }
      .max { $0.count < $1.count }
  }

  /// The physical address of a stretch of the image.
  public func physical(_ address: KernelVirtualAddress, count: Int) -> PhysicalRange {
    PhysicalRange(PhysicalAddress(address.rawValue &+ displacement), count: count)
  }
}
