/// Counts what passes through to a source.
public final class CountingMemory: GuestMem {
  public let source: any GuestMem
  public private(set) var samples = 0
  /// Reads as the source performs them: a range longer than its limit counts as several.
  public private(set) var reads = 0
  public private(set) var bytes = 0

  public init(_ source: any GuestMem) { self.source = source }

  public var ram: RAMMap { source.ram }
  public var consistency: Consistency { source.consistency }
  public var limits: SampleLimits { source.limits }
  public var cpuCount: Int { source.cpuCount }
  public func load(of registers: [RegisterKey]) -> SampleLoad { source.load(of: registers) }

  public func sample(
    ranges: [PhysicalRange], registers: [RegisterKey]
  ) throws(GuestMemError) -> Sample {
    samples += 1
    let load = limits.load(ranges)
    reads += load.reads
    bytes += load.bytes
    return try source.sample(ranges: ranges, registers: registers)
  }

  public func hold() throws(GuestMemError) { try source.hold() }
  public func release() throws(GuestMemError) { try source.release() }
  public func lookAgain() throws(GuestMemError) -> Bool { try source.lookAgain() }
}

/// Keeps all memory and registers that pass through; `memory` plays them back from a byte buffer.
public final class RecordingMemory: GuestMem {
  public let source: any GuestMem
  private let pages = PageCache()
  private var ranges: [PhysicalRange] = []
  private var registers: [RegisterKey: UInt64] = [:]

  public init(_ source: any GuestMem) { self.source = source }

  public var ram: RAMMap { source.ram }
  public var consistency: Consistency { source.consistency }
  public var limits: SampleLimits { source.limits }
  public var cpuCount: Int { source.cpuCount }
  public func load(of registers: [RegisterKey]) -> SampleLoad { source.load(of: registers) }

  public func sample(
    ranges: [PhysicalRange], registers: [RegisterKey]
  ) throws(GuestMemError) -> Sample {
    // Known memory is kept in whole words, and so is what is asked for on the way.
    let whole = ranges.map { range in
      let skipped = Int(range.start.rawValue & 7)
      return ram.contains(range)
        ? PhysicalRange(range.start + -skipped, count: (skipped + range.count + 7) & ~7) : range
    }
    var sample = try source.sample(ranges: whole, registers: registers)
    for (index, range) in ranges.enumerated() {
      guard case .success(let bytes) = sample.memory[index] else { continue }
      pages.store(bytes, at: whole[index].start)
      self.ranges.append(whole[index])
      let wanted = bytes.dropFirst(Int(range.start.rawValue - whole[index].start.rawValue))
      sample.memory[index] = .success(Array(wanted.prefix(range.count)))
    }
    for (key, value) in sample.registers {
      if case .success(let number) = value { self.registers[key] = number }
    }
    return sample
  }

  public func hold() throws(GuestMemError) { try source.hold() }
  public func release() throws(GuestMemError) { try source.release() }
  public func lookAgain() throws(GuestMemError) -> Bool { try source.lookAgain() }

  /// What was read, with the last bytes of each place.
  ///
  /// Its RAM is the pages that were read of, so that addresses mean there what they meant in the
  /// source; the rest of such a page is zeros.
  public var memory: ByteBufferMemory {
    let touched = ranges.compactMap { range -> PhysicalRange? in
      guard let region = ram.region(at: range.start) else { return nil }
      let first = max(region.lowerBound, range.start.rawValue & ~0xfff)
      let last = min(
        region.upperBound - 1, (range.start.rawValue + UInt64(max(range.count, 1) - 1)) | 0xfff)
      return PhysicalRange(PhysicalAddress(first), count: Int(last - first) + 1)
    }
    let regions = ram.coalesce(touched, gap: 0).map { range in
      (start: range.start.rawValue, bytes: pages.bytes(of: range))
    }
    return ByteBufferMemory(regions: regions, registers: registers)
  }
}
