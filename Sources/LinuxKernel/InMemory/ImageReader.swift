import GuestScopeGuestMemory
import GuestScopeKernelImage

/// Reads the image of a running kernel: code and read-only data, which do not change while the guest
/// runs on between two reads.
struct ImageReader {
  let location: KernelLocation
  /// The addresses of the read-only data: kallsyms, BTF, notes and banner are there.
  let data: Range<UInt64>
  let engine: SnapshotEngine

  /// Nil where the kernel has no read-only data yet.
  init?(_ location: KernelLocation, _ engine: SnapshotEngine) {
    guard let segment = location.readOnlyData else { return nil }
    let start = segment.virtual.rawValue
    // No kernel has more, and nothing says yet that this is one. What follows adds to addresses.
    let count = min(segment.count, Self.mostData)
    guard start < 0 &- Self.mostData * 2 else { return nil }
    self.location = location
    data = start..<start + count
    self.engine = engine
  }

  private static let mostData: UInt64 = 128 << 20

  /// The bytes of several stretches of the image; nil for one that cannot be read.
  func regions(_ ranges: [Range<UInt64>]) throws(KernelError) -> [MemoryRegion?] {
    let physical = ranges.map {
      location.physical(KernelVirtualAddress($0.lowerBound), count: $0.count)
    }
    do throws(GuestMemError) {
      return zip(ranges, try engine.readStatic(physical)).map { range, outcome in
        (try? outcome.get()).map { MemoryRegion($0, address: range.lowerBound) }
      }
    } catch {
      throw .snapshot(.source(error))
    }
  }

  /// True for a stretch that lies in the image as a whole, where there is RAM and no device.
  func holds(_ range: Range<UInt64>) -> Bool {
    let window = location.window.virtual
    return window.contains(range.lowerBound) && window.contains(range.upperBound)
  }

  func region(_ range: Range<UInt64>) throws(KernelError) -> MemoryRegion? {
    try regions([range])[0]
  }

  /// A region of the read-only data that reaches as far as a range besides; nil where it does so
  /// already, or cannot. Only what is new is read.
  func extend(
    _ region: MemoryRegion, to range: Range<UInt64>
  ) throws(KernelError) -> MemoryRegion? {
    let wanted = range.clamped(to: data)
    let before = min(wanted.lowerBound, region.address)..<region.address
    let end = region.address + UInt64(region.bytes.count)
    let after = end..<max(wanted.upperBound, end)
    guard !wanted.isEmpty, !before.isEmpty || !after.isEmpty else { return nil }
    let parts = try regions([before, after].filter { !$0.isEmpty })
    var bytes: [UInt8] = []
    var rest = parts[...]
    if !before.isEmpty {
      guard let part = rest.removeFirst() else { return nil }
      bytes = part.bytes
    }
    bytes += region.bytes
    if !after.isEmpty {
      guard let part = rest.removeFirst() else { return nil }
      bytes += part.bytes
    }
    return MemoryRegion(bytes, address: before.lowerBound)
  }
}
