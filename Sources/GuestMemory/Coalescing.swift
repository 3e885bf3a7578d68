extension RAMMap {
  /// Sorts ranges, widens them to whole 8-byte words and joins neighbours.
  ///
  /// One more read costs as much as some 700 more bytes, so a gap of up to `gap` bytes is read
  /// along; never one that is not RAM. Ranges that are not wholly in one region are left out.
  public func coalesce(_ ranges: [PhysicalRange], gap: UInt64 = 512) -> [PhysicalRange] {
    var spans: [Range<UInt64>] = []
    spans.reserveCapacity(ranges.count)
    for range in ranges where range.count > 0 && contains(range) {
      // Regions begin and end on word borders, so widening stays inside.
      let end = (range.start.rawValue + UInt64(range.count) + 7) & ~7
      spans.append(range.start.rawValue & ~7..<end)
    }
    spans.sort { $0.lowerBound < $1.lowerBound }
    var joined: [PhysicalRange] = []
    guard var current = spans.first else { return [] }
    func flush() {
      joined.append(
        PhysicalRange(PhysicalAddress(current.lowerBound), count: current.count))
    }
    for span in spans.dropFirst() {
      let overlaps = span.lowerBound <= current.upperBound
      if overlaps || span.lowerBound - current.upperBound <= gap && sameRegion(current, span) {
        current = current.lowerBound..<max(current.upperBound, span.upperBound)
      } else {
        flush()
        current = span
      }
    }
    flush()
    return joined
  }

  private func sameRegion(_ a: Range<UInt64>, _ b: Range<UInt64>) -> Bool {
    region(at: PhysicalAddress(a.lowerBound)) == region(at: PhysicalAddress(b.lowerBound))
  }
}

extension SampleLimits {
  /// Cuts coalesced ranges into groups that one sample each may hold. A range that is too large
  /// for one sample is cut as well.
  public func batches(_ ranges: [PhysicalRange]) -> [[PhysicalRange]] {
    var batches: [[PhysicalRange]] = []
    var batch: [PhysicalRange] = []
    var load = SampleLoad()
    for range in ranges {
      var rest = range
      while rest.count > 0 {
        let chunk = PhysicalRange(rest.start, count: min(rest.count, readBytes))
        var larger = load
        larger.add(chunk, readBytes: readBytes)
        if !admit(larger), !batch.isEmpty {
          batches.append(batch)
          (batch, load) = ([], SampleLoad())
          continue
        }
        if let last = batch.last, last.end == chunk.start {
          batch[batch.count - 1].count += chunk.count
        } else {
          batch.append(chunk)
        }
        load = larger
        rest = PhysicalRange(chunk.end, count: rest.count - chunk.count)
      }
    }
    if !batch.isEmpty { batches.append(batch) }
    return batches
  }
}
