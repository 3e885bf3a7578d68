import GuestScopeBytes

/// One snapshot in the making: the passes of its walker, and the choice between the two ways to
/// bring what they miss. Short stops with the guest running in between are the rule
/// (`SnapshotRun+Stops`); one stop for all waves is for a guest that changes too fast, or whose
/// stops are dear (`SnapshotRun+Holding`).
final class SnapshotRun<T> {
  let engine: SnapshotEngine
  let waveLimit: Int
  private let addressSpace: (any AddressSpace)?
  let registers: [RegisterKey]
  private let walk: (MemoryView) throws(ReadFault) -> T

  /// What is known of the guest, from several instants.
  var guide: PageCache
  /// What was read for this snapshot in the last stop of an attempt at an answer, and since. An attempt may bring
  /// newer entries of the kernel's tables, and nothing that was read before them may be used for their objects.
  var fresh = PageCache()
  /// What earlier parts of the closing have given.
  private(set) var settled: [ObjectKey: ObjectScopes.Outcome] = [:]
  var waves = 0
  /// Closing stops that gave at least one object.
  private(set) var stops = 0
  private(set) var holds = 0
  var closing = SampleLoad()
  /// The answer with the most objects so far.
  private(set) var best: (answer: Snapshot<T>, objects: Int)?

  var memory: any GuestMem { engine.memory }

  init(
    engine: SnapshotEngine, guide: PageCache, addressSpace: (any AddressSpace)?,
    registers: [RegisterKey], waveLimit: Int,
    walk: @escaping (MemoryView) throws(ReadFault) -> T
  ) {
    self.engine = engine
    self.guide = guide
    self.addressSpace = addressSpace
    self.registers = registers
    self.waveLimit = waveLimit
    self.walk = walk
  }

  // MARK: Strategies

  /// What an attempt to give an answer came to.
  enum Attempt {
    case gaveTheAnswer(Snapshot<T>)
    /// What the attempt learnt is a guide for the next one.
    case needsAnotherOne
  }

  func snapshot() throws(SnapshotError) -> Snapshot<T> {
    if case .frozen = memory.consistency {
      switch try walkStandstill(try firstWave(scopes()), scopes()) {
      case .missesNothing(let pass), .holdIsOver(let pass): return try answer(pass, .frozen)
      // Somebody let it go on meanwhile.
      case .guestRuns: break
      }
    }
    var closings = 0
    while true {
      if closings < SnapshotEngine.closingAttempts,
        case .missesNothing(let plan) = try discover()
      {
        closings += 1
        if case .gaveTheAnswer(let snapshot) = try close(plan) { return snapshot }
      } else {
        holds += 1
        // Changes often come in bursts, as where a loader loads its programs, and these end.
        if holds > 1 { sleep(for: .milliseconds(1 << (holds - 1))) }
        let isLast = holds >= SnapshotEngine.holdAttempts
        if case .gaveTheAnswer(let snapshot) = try hold(isLast: isLast) { return snapshot }
      }
    }
  }

  /// What the walker makes of the waves, without a closing.
  func explore() throws(SnapshotError) -> T {
    while true {
      if case .missesNothing(let pass) = try discover() { return try value(of: pass) }
      holds += 1
      let discovery = try whileHeld { hold throws(SnapshotError) in try discover(in: hold) }
      if case .missesNothing(let pass) = discovery { return try value(of: pass) }
    }
  }

  // MARK: Passes

  /// What one run of the walker came to.
  struct Pass {
    var result: Result<T, ReadFault>
    var view: MemoryView

    /// True when fetching more would change nothing.
    var isComplete: Bool {
      if case .failure(.miss) = result { return false }
      return view.objects.missed.isEmpty
    }
  }

  /// - Parameters:
  ///   - sample: the first of those that the cache is from, if they are of one instant.
  ///   - isOutOfWaves: what it misses is not fetched any more.
  func pass(
    over cache: PageCache, of sample: Sample? = nil, isForecast: Bool = false,
    isOutOfWaves: Bool = false, objects: ObjectScopes = ObjectScopes()
  ) throws(SnapshotError) -> Pass {
    let view = MemoryView(
      ram: memory.ram, addressSpace: addressSpace, cache: cache, fresh: fresh,
      registers: sample?.registers ?? [:], time: sample?.time ?? 0, isSnapshot: sample != nil,
      isForecast: isForecast, lack: isOutOfWaves ? .tooDeep(waves: waveLimit) : .moving,
      stepLimit: engine.stepLimit, objects: objects, constants: engine.constants)
    do throws(ReadFault) {
      return Pass(result: .success(try walk(view)), view: view)
    } catch .stepLimit {
      throw .tooManySteps(engine.stepLimit)
    } catch {
      return Pass(result: .failure(error), view: view)
    }
  }

  private func value(of pass: Pass) throws(SnapshotError) -> T {
    switch pass.result {
    case .success(let value): return value
    case .failure(.unreadable(let cause)): throw .unreadable(cause)
    case .failure(.kernelChanged(let what)): throw .kernelChanged(what)
    case .failure(.stepLimit): throw .tooManySteps(engine.stepLimit)
    case .failure(.miss): throw .unreadable(Unreadable(pass.view.lack, at: 0))
    }
  }

  func answer(
    _ pass: Pass, _ consistency: SnapshotConsistency
  ) throws(SnapshotError) -> Snapshot<T> {
    let value = try value(of: pass)
    let view = pass.view
    let missed = view.objects.missed.filter { !$0.isPart }.map { key in
      UnreadableObject(key: key, cause: Unreadable(view.lack, at: key.address.rawValue))
    }
    return Snapshot(
      value: value, unreadable: view.objects.unreadable + missed, consistency: consistency,
      time: view.time, waves: waves, closing: closing, registers: view.registers)
  }

  /// Remembers an answer that lacks something, if none before had more: what is tried next may
  /// see less, where one node that moved hides all that hangs on it.
  func note(_ answer: Snapshot<T>, of pass: Pass) {
    let objects = pass.view.objects.read
    if objects >= best?.objects ?? 0 { best = (answer, objects) }
  }

  /// What a pass is to read: what earlier stops have settled it need not.
  func scopes(wanted: Set<ObjectKey>? = nil, collects: Bool = false) -> ObjectScopes {
    var objects = ObjectScopes()
    (objects.settled, objects.wanted, objects.collects) = (settled, wanted, collects)
    return objects
  }

  /// Keeps the objects that a stop has given.
  ///
  /// - Returns: the instants that an answer from this pass on is from. A stop that gave no object
  ///   makes one more all the same: what is outside of objects is from it.
  func settle(_ pass: Pass) -> Int {
    let isNew = pass.view.objects.settled.count > settled.count
    if isNew { stops += 1 }
    settled = pass.view.objects.settled
    return isNew ? stops : stops + 1
  }

  // MARK: Samples

  func sample(
    _ ranges: [PhysicalRange], registers: [RegisterKey] = []
  ) throws(SnapshotError) -> Sample {
    do { return try engine.sample(ranges, registers: registers) } catch { throw .source(error) }
  }

  func store(_ sample: Sample, of ranges: [PhysicalRange], in cache: PageCache) {
    for (range, outcome) in zip(ranges, sample.memory) {
      switch outcome {
      case .success(let bytes): cache.store(bytes, at: range.start)
      case .failure(let absence): cache.store(absence, for: range)
      }
    }
  }
}
