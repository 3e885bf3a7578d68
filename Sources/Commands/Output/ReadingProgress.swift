import GuestScopeGuestMemory

/// Says on a terminal how much was read of the guest, where that takes long.
final class ReadingProgress: GuestMem {
  /// Before that nobody wonders.
  private static let patience: Duration = .milliseconds(500)
  private static let interval: Duration = .milliseconds(100)

  private let source: any GuestMem
  private let console: Console
  private let clock = ContinuousClock()
  private var bytes: UInt64 = 0
  private var next: ContinuousClock.Instant

  init(_ source: any GuestMem, _ console: Console) {
    self.source = source
    self.console = console
    next = clock.now + Self.patience
  }

  /// A new command begins.
  func begin() {
    bytes = 0
    next = clock.now + Self.patience
  }

  var ram: RAMMap { source.ram }
  var consistency: Consistency { source.consistency }
  var limits: SampleLimits { source.limits }
  var cpuCount: Int { source.cpuCount }
  func load(of registers: [RegisterKey]) -> SampleLoad { source.load(of: registers) }

  func sample(
    ranges: [PhysicalRange], registers: [RegisterKey]
  ) throws(GuestMemError) -> Sample {
    let sample = try source.sample(ranges: ranges, registers: registers)
    for range in ranges { bytes += UInt64(range.count) }
    if clock.now >= next {
      console.show(status: "read \(sizeText(bytes))…")
      next = clock.now + Self.interval
    }
    return sample
  }

  func hold() throws(GuestMemError) { try source.hold() }
  func release() throws(GuestMemError) { try source.release() }
  func lookAgain() throws(GuestMemError) -> Bool { try source.lookAgain() }
}
