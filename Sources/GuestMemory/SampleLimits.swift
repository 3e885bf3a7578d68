/// What one sample may hold, and what it is predicted to cost the guest.
public struct SampleLimits: Sendable {
  /// Longest single read in bytes; a longer range counts as several reads.
  public var readBytes: Int
  /// Most reads in one sample.
  public var reads: Int
  /// Most bytes in one sample.
  public var bytes: Int
  /// Longest pause of the guest that one sample may cause; `nil` when samples stop nothing.
  public var pause: Duration?
  /// Cost of a stop that reads nothing, as measured so far (connect to first reply).
  public var stopCost: Duration
  /// The round trip to the source, which is part of a pause only while the guest is held.
  public var roundTrip: Duration
  /// Cost of each read, and of each byte, in nanoseconds of pause.
  public var readCost: Double
  public var byteCost: Double

  public init(
    readBytes: Int, reads: Int, bytes: Int, pause: Duration?, stopCost: Duration,
    roundTrip: Duration = .zero, readCost: Double, byteCost: Double
  ) {
    self.readBytes = readBytes
    self.reads = reads
    self.bytes = bytes
    self.pause = pause
    self.stopCost = stopCost
    self.roundTrip = roundTrip
    self.readCost = readCost
    self.byteCost = byteCost
  }

  /// The limits of a source that is all in memory.
  public static let none = SampleLimits(
    readBytes: .max, reads: .max, bytes: .max, pause: nil, stopCost: .zero,
    readCost: 0, byteCost: 0)

  /// Reads and bytes of ranges that were coalesced.
  public func load(_ ranges: some Sequence<PhysicalRange>) -> SampleLoad {
    var load = SampleLoad()
    for range in ranges { load.add(range, readBytes: readBytes) }
    return load
  }

  /// The pause that a sample is predicted to cause.
  public func cost(_ load: SampleLoad) -> Duration { stopCost + readingCost(load) }

  private func readingCost(_ load: SampleLoad) -> Duration {
    .nanoseconds(Int64(Double(load.reads) * readCost + Double(load.bytes) * byteCost))
  }

  /// True when the source takes this much in one sample, however long that stops the guest.
  public func fit(_ load: SampleLoad) -> Bool { load.reads <= reads && load.bytes <= bytes }

  /// True when one sample may hold this much.
  ///
  /// - Parameter constant: what of it each sample would hold again if there were more of them.
  public func admit(_ load: SampleLoad, constant: SampleLoad = SampleLoad()) -> Bool {
    guard fit(load) else { return false }
    guard let pause else { return true }
    // The stop itself is paid whatever is read in it, and so is what each stop reads. Where that takes most of
    // a pause, to read little more would only make more of them: for as long as it takes, a stop may do what
    // it is for.
    return readingCost(load) <= max(pause - stopCost, stopCost + readingCost(constant) * 2)
  }
}

/// How much a sample reads.
public struct SampleLoad: Sendable {
  public var reads = 0
  public var bytes = 0

  public init() {}

  mutating func add(_ range: PhysicalRange, readBytes: Int) {
    reads += (range.count - 1) / readBytes + 1
    bytes += range.count
  }
}
