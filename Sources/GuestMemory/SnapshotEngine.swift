/// Turns a naive walker into few and short stops of the guest.
///
/// Discovery runs the walker on what is known, fetches everything that it missed in one sample
/// (a *wave*) and runs it again, until it misses nothing: waves are as many as pointers are deep,
/// not as objects are. Then exactly the bytes that the last pass used are read once more in one
/// sample, and the walker's answer on that alone is the snapshot. What discovery learnt stays as a
/// guide: the next snapshot of the same objects begins with its closing sample.
public final class SnapshotEngine {
  public let memory: any GuestMem
  /// Reads that one pass of a walker may take; ends loops in a corrupted guest.
  public var stepLimit = 2_000_000
  /// Asked before each sample; true ends the work with `GuestMemError.Kind.interrupted`.
  public var isInterrupted: () -> Bool = { false }
  /// Called after each sample with the bytes of memory that it read.
  public var progress: (Int) -> Void = { _ in }
  /// Waves of one discovery where the walk sets no other limit; it ends chains in a corrupted guest.
  public static let usualWaveLimit = 64
  /// Closing samples that may miss before the guest is held.
  static let closingAttempts = 3
  /// Holds that may be too short. More, for each begins with what the one before has learnt, and
  /// nothing is left to try.
  static let holdAttempts = 8
  /// A walk of struct_ops programs with cold page tables takes about this many waves.
  static let expectedWaves = 8
  /// The pause of a wave of a held guest: a round trip and some ten reads.
  static let heldWaveCost: Duration = .microseconds(250)

  /// Pages that the guide may grow to (64 MiB).
  private static let guidePages = 1 << 14

  /// Bytes of several instants: a guide to what to read, never part of an answer.
  var guide = PageCache()
  private(set) var constants = Constants()
  /// What the answers of this boot were made of.
  var plans: [PhysicalRange] = []
  /// The stop of `inOneStop`, while it lasts.
  var stop: Hold?

  public init(_ memory: any GuestMem) {
    self.memory = memory
  }

  /// An engine for the same source that knows nothing of the guest yet.
  public func afresh() -> SnapshotEngine {
    let engine = SnapshotEngine(memory)
    (engine.isInterrupted, engine.progress) = (isInterrupted, progress)
    engine.stepLimit = stepLimit
    return engine
  }

  /// Forgets all that was learnt from the guest: it is another one now.
  public func forget() { (guide, constants, plans) = (PageCache(), Constants(), []) }

  /// Walks guest memory and returns what the walker makes of one instant.
  ///
  /// - Parameters:
  ///   - addressSpace: translates the walker's virtual addresses.
  ///   - registers: what the closing view carries in its `registers`.
  ///   - waveLimit: the most waves of one discovery. A linked list takes a wave a node: who walks a
  ///     long one needs more than usual.
  ///   - walk: a pure function of the view; runs several times.
  public func snapshot<T>(
    in addressSpace: (any AddressSpace)? = nil, registers: [RegisterKey] = [],
    waveLimit: Int = usualWaveLimit, _ walk: @escaping (MemoryView) throws(ReadFault) -> T
  ) throws(SnapshotError) -> Snapshot<T> {
    try lookingAgain { () throws(SnapshotError) in
      let run = begin(addressSpace, registers, waveLimit, walk)
      defer { guide = run.guide }
      let snapshot = try run.snapshot()
      constants.endSnapshot()
      return snapshot
    } lacksRAM: { snapshot in
      snapshot.unreadable.contains { $0.cause.isOutsideRAM }
    }
  }

  /// Walks guest memory and returns what the walker makes of the waves alone: each of another
  /// instant, and of one boot only if the caller knows that. For what stays as it is while all
  /// around it changes, as the mapping of the kernel image does, and is checked afterwards.
  ///
  /// - Parameter walk: a pure function of the view; runs several times.
  public func explore<T>(
    _ walk: @escaping (MemoryView) throws(ReadFault) -> T
  ) throws(SnapshotError) -> T {
    try lookingAgain { () throws(SnapshotError) in
      let run = begin(nil, [], Self.usualWaveLimit, walk)
      defer { guide = run.guide }
      return try run.explore()
    } lacksRAM: { _ in
      false
    }
  }

  /// Does something twice when the first time something lay outside the RAM that was known, and
  /// other RAM is known now.
  private func lookingAgain<R>(
    _ work: () throws(SnapshotError) -> R, lacksRAM: (R) -> Bool
  ) throws(SnapshotError) -> R {
    let first: Result<R, SnapshotError>
    do throws(SnapshotError) { first = .success(try work()) } catch { first = .failure(error) }
    switch first {
    case .success(let result) where !lacksRAM(result): return result
    case .failure(let error) where !error.isOutsideRAM: throw error
    default: break
    }
    let hasChanged: Bool
    do { hasChanged = try memory.lookAgain() } catch { throw .source(error) }
    return hasChanged ? try work() : try first.get()
  }

  private func begin<T>(
    _ addressSpace: (any AddressSpace)?, _ registers: [RegisterKey], _ waveLimit: Int,
    _ walk: @escaping (MemoryView) throws(ReadFault) -> T
  ) -> SnapshotRun<T> {
    guide.forgetAbsences()
    constants.beginSnapshot()
    if guide.pageCount > Self.guidePages { guide = PageCache() }
    return SnapshotRun(
      engine: self, guide: guide, addressSpace: addressSpace, registers: registers,
      waveLimit: waveLimit, walk: walk)
  }

  /// Takes one sample; every sample of the engine's work is taken here.
  public func sample(
    _ ranges: [PhysicalRange], registers: [RegisterKey] = []
  ) throws(GuestMemError) -> Sample {
    if isInterrupted() { throw .interrupted }
    let sample = try memory.sample(ranges: ranges, registers: registers)
    progress(ranges.reduce(0) { $0 + $1.count })
    if let stop, stop.isOver { try endStop() }
    return sample
  }
}
