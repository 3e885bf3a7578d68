import GuestScopeBytes

/// Guest memory in a byte buffer: for tests, dumps and embedding. Frozen.
public final class ByteBufferMemory: GuestMem {
  public let ram: RAMMap
  public var consistency: Consistency { .frozen }
  public var limits: SampleLimits { .none }
  public var registers: [RegisterKey: UInt64]
  public var cpuCount: Int { (registers.keys.map(\.cpu).max() ?? 0) + 1 }
  /// When the guest's memory was as it is here, in nanoseconds of CLOCK_REALTIME; 0 where nobody
  /// knows.
  public var time: UInt64 = 0
  private var regions: [(start: UInt64, bytes: [UInt8])]

  /// - Parameter base: the physical address of the first byte.
  public convenience init(
    _ bytes: [UInt8], base: UInt64 = 0, registers: [RegisterKey: UInt64] = [:]
  ) {
    self.init(regions: [(base, bytes)], registers: registers)
  }

  public init(
    regions: [(start: UInt64, bytes: [UInt8])], registers: [RegisterKey: UInt64] = [:]
  ) {
    self.regions = regions
    self.registers = registers
    self.ram = RAMMap(regions.map { $0.start..<$0.start + UInt64($0.bytes.count) })
  }

  public func sample(
    ranges: [PhysicalRange], registers: [RegisterKey]
  ) throws(GuestMemError) -> Sample {
    var sample = Sample(memory: ranges.map(read), time: time)
    for key in registers {
      sample.registers[key] =
        self.registers[key].map { .success($0) } ?? .failure(Absence("no \(key)"))
    }
    return sample
  }

  /// A byte buffer stands still: there is nothing to stop.
  public func hold() {}
  public func release() {}

  private func read(_ range: PhysicalRange) -> Result<[UInt8], Absence> {
    guard ram.contains(range) else { return .failure(.outsideRAM) }
    var bytes: [UInt8] = []
    // Neighbouring regions are one to the RAM map.
    while bytes.count < range.count {
      let address = (range.start + bytes.count).rawValue
      let region = regions.first { $0.start <= address && address - $0.start < $0.bytes.count }
      guard let region else { return .failure(.outsideRAM) }
      let stretch = region.bytes[Int(address - region.start)...]
      bytes += stretch.prefix(range.count - bytes.count)
    }
    return .success(bytes)
  }

  /// Changes the guest's memory, as a running guest would.
  public func write(_ bytes: [UInt8], at address: PhysicalAddress) {
    for index in regions.indices {
      let region = regions[index]
      guard address.rawValue >= region.start else { continue }
      let offset = address.rawValue - region.start
      guard offset < UInt64(region.bytes.count),
        region.bytes.bytes(at: Int(offset), count: bytes.count) != nil
      else { continue }
      regions[index].bytes.replaceSubrange(Int(offset)..<Int(offset) + bytes.count, with: bytes)
      return
    }
    preconditionFailure("\(address) is not in this memory")
  }
}
