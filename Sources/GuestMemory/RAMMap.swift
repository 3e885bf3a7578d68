/// Where the guest has RAM. Nothing outside is ever read: a physical read of a device register
/// changes the device (QEMU performs it), and a hole reads as zeros or fails the whole packet.
public struct RAMMap: Hashable, Sendable {
  /// Disjoint, ascending, not adjacent; borders are multiples of 8 bytes.
  public let regions: [Range<UInt64>]

  /// Sorts and merges the regions; a border inside an 8-byte word gives that word up.
  public init(_ regions: [Range<UInt64>]) {
    var merged: [Range<UInt64>] = []
    let whole = regions.compactMap { region -> Range<UInt64>? in
      let (padded, overflow) = region.lowerBound.addingReportingOverflow(7)
      let lower = padded & ~7
      let upper = region.upperBound & ~7
      return overflow || lower >= upper ? nil : lower..<upper
    }
    for region in whole.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = merged.last, region.lowerBound <= last.upperBound {
        let upper = max(last.upperBound, region.upperBound)
        merged[merged.count - 1] = last.lowerBound..<upper
      } else {
        merged.append(region)
      }
    }
    self.regions = merged
  }

  /// Bytes of RAM in all. The regions are disjoint, so no sum is too large.
  public var byteCount: UInt64 { regions.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) } }

  /// The address after the last byte of RAM, 0 without RAM.
  public var end: UInt64 { regions.last?.upperBound ?? 0 }

  /// The region that holds an address.
  public func region(at address: PhysicalAddress) -> Range<UInt64>? {
    // Guests have a handful of regions: a linear search beats anything cleverer.
    regions.first { $0.contains(address.rawValue) }
  }

  /// True when every byte of the range lies in one region.
  public func contains(_ range: PhysicalRange) -> Bool {
    guard let region = region(at: range.start), range.count >= 0 else { return false }
    return UInt64(range.count) <= region.upperBound - range.start.rawValue
  }
}
