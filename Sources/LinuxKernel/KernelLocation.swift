import GuestMemory
import Paging

/// Where a running kernel's image is, found in registers and page tables alone.
public struct KernelLocation: Hashable, Sendable {
  /// `_text`: the first mapped address of the image.
  public var textBase: KernelVirtualAddress
  /// What to add to an image address, modulo 2^64, to get a physical one.
  public var displacement: UInt64
  /// The image's segments, ascending.
  public var segments: [Segment]
  public var format: PageTableFormat

  /// The image as a window of the kernel's address space.
  var window: KernelAddressSpace.Window {
    let end = segments.last.map { $0.virtual.rawValue &+ ($0.count - 1) } ?? textBase.rawValue
    return KernelAddressSpace.Window(
      name: "kernel image", virtual: textBase.rawValue...max(end, textBase.rawValue),
      displacement: displacement)
  }

  /// The first and longest read-only and non-executable segment after the text: kallsyms, BTF,
  /// notes and banner are there.
  public var readOnlyData: Segment? {
    segments.first { !$0.isWritable && !$0.isExecutable }
  }

  /// The physical address of a stretch of the image.
  public func physical(_ address: KernelVirtualAddress, count: Int) -> PhysicalRange {
    PhysicalRange(PhysicalAddress(address.rawValue &+ displacement), count: count)
  }
}
