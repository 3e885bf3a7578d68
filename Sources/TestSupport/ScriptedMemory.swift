import GuestScopeGuestMemory

/// A running guest as its stub shows it: changes between samples, stops slowly, has holes, fails,
/// as a test says; and remembers what was asked of it.
public final class ScriptedMemory: GuestMem {
  public private(set) var guest: ByteBufferMemory
  public private(set) var isHeld = false
  /// The ranges of each sample. Its time is its number, from 1.
  public private(set) var samples: [[PhysicalRange]] = []
  /// The registers of each sample.
  public private(set) var registers: [[RegisterKey]] = []
  public private(set) var holds = 0
  public private(set) var releases = 0
  /// The number of samples when the guest was held first.
  public private(set) var samplesBeforeHold: Int?
  /// Samples that were more than their limits allow.
  public private(set) var excesses = 0
  /// Pages that cannot be read though they are RAM.
  public var absentPages: Set<UInt64> = []
  /// What the guest does before each sample while it runs; gets the number of samples so far.
  public var meanwhile: (Int) -> Void = { _ in }
  /// Called in each sample; throws as a source that broke.
  public var fails: (ScriptedMemory) -> GuestMemError? = { _ in nil }
  private let givenLimits: SampleLimits

  public init(_ guest: ByteBufferMemory, limits: SampleLimits = .none) {
    self.guest = guest
    givenLimits = limits
  }

  /// How often it was asked to look again.
  public private(set) var looks = 0
  /// RAM that is known only after another look.
  public var unseenRAM: Range<UInt64>?

  public var ram: RAMMap {
    guard let unseenRAM else { return guest.ram }
    return RAMMap(
      guest.ram.regions.flatMap { region in
        [
          region.lowerBound..<max(region.lowerBound, min(region.upperBound, unseenRAM.lowerBound)),
          min(region.upperBound, max(region.lowerBound, unseenRAM.upperBound))..<region.upperBound,
        ]
      })
  }

  public func lookAgain() -> Bool {
    looks += 1
    defer { unseenRAM = nil }
    return unseenRAM != nil
  }

  public var cpuCount: Int { guest.cpuCount }
  /// A read a register.
  public func load(of registers: [RegisterKey]) -> SampleLoad {
    var load = SampleLoad()
    load.reads = registers.count
    return load
  }
  public var consistency: Consistency { isHeld ? .frozen : .instant }

  /// While the guest is held a sample stops nothing, as with the stub.
  public var limits: SampleLimits {
    var limits = givenLimits
    if isHeld { limits.pause = nil }
    return limits
  }

  public func sample(
    ranges: [PhysicalRange], registers: [RegisterKey]
  ) throws(GuestMemError) -> Sample {
    if !isHeld { meanwhile(samples.count) }
    samples.append(ranges)
    self.registers.append(registers)
    let load = limits.load(ranges)
    if load.reads > 1, !limits.admit(load) { excesses += 1 }
    if let failure = fails(self) { throw failure }
    var sample = try guest.sample(ranges: ranges, registers: registers)
    sample.time = UInt64(samples.count)
    for (index, range) in ranges.enumerated() where range.count > 0 {
      let pages =
        range.start.rawValue >> 12...(range.start.rawValue + UInt64(range.count) - 1) >> 12
      if pages.contains(where: absentPages.contains) {
        sample.memory[index] = .failure(Absence("QEMU cannot read there (E14)"))
      }
    }
    return sample
  }

  public func hold() throws(GuestMemError) {
    samplesBeforeHold = samplesBeforeHold ?? samples.count
    isHeld = true
    holds += 1
  }

  public func release() throws(GuestMemError) {
    isHeld = false
    releases += 1
  }

  /// The guest is in another state now: it has booted on, it was reset, a snapshot was loaded.
  public func become(_ other: ByteBufferMemory) { guest = other }

  public func forgetSamples() { (samples, registers) = ([], []) }
}
