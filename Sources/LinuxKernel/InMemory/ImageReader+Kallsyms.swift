import GuestScopeGuestMemory
import GuestScopeKernelImage

extension ImageReader {
  /// Distance and size of the probes that look for the table of offsets, which has 200 KB at least.
  private static let probeStep = 64 << 10
  private static let probeSize = 64
  /// Stretches that look like a table of offsets and are looked at; in a kernel there is one.
  private static let mostCandidates = 8

  /// Finds the kernel's own symbol table, and the bytes that hold it; nil where there is none.
  ///
  /// A probe every 64 KiB finds the table of offsets, the one large table of numbers that ascend
  /// slowly; what lies around it is fetched as far as the search asks for it.
  func kallsyms() throws(KernelError) -> (tables: KallsymsTables, region: MemoryRegion)? {
    let probes = try regions(
      stride(from: 0, through: data.count - Self.probeSize, by: Self.probeStep).map {
        let place = data.lowerBound + UInt64($0)
        return place..<place + UInt64(Self.probeSize)
      })
    let hits = probes.compactMap { probe in
      probe.flatMap { KallsymsTables.mayBeOffsets($0.bytes) ? $0.address : nil }
    }
    for stretch in Self.stretches(hits).prefix(Self.mostCandidates) {
      if let found = try kallsyms(around: stretch) { return found }
    }
    return nil
  }

  /// Hits that are neighbours, the longest stretch first.
  private static func stretches(_ hits: [UInt64]) -> [ClosedRange<UInt64>] {
    var stretches: [ClosedRange<UInt64>] = []
    for hit in hits {
      if let last = stretches.last, hit - last.upperBound == UInt64(probeStep) {
        stretches[stretches.count - 1] = last.lowerBound...hit
      } else {
        stretches.append(hit...hit)
      }
    }
    return stretches.sorted { $0.count > $1.count }
  }

  private func kallsyms(
    around hits: ClosedRange<UInt64>
  ) throws(KernelError) -> (tables: KallsymsTables, region: MemoryRegion)? {
    // The table begins and ends within a step of its hits. From 6.4 on the tokens lie in front of it.
    let margin = UInt64(Self.probeStep + KallsymsTables.tokensSize)
    let window = (hits.lowerBound - margin..<hits.upperBound + margin).clamped(to: data)
    guard var region = try region(window) else { return nil }
    while true {
      switch KallsymsTables.search(region) {
      case .found(let tables): return (tables, region)
      case .absent: return nil
      case .needs(let more):
        guard let extended = try extend(region, to: more) else { return nil }
        region = extended
      }
    }
  }
}
