/// One snapshot in the making.
final class SnapshotRun<T> {
  let memory: any GuestMem
  private let stepLimit: Int
  let waveLimit: Int
  private let addressSpace: (any AddressSpace)?
  private let constants: Constants
  let registers: [RegisterKey]
  private let walk: (MemoryView) throws(ReadFault) -> T

  /// What is known of the guest, from several instants.
  var guide: PageCache
  /// Of earlier parts of the closing.
  private(set) var settled: [ObjectKey: ObjectScopes.Outcome] = [:]
  var waves = 0
  /// Those that have settled objects.
  private(set) var stops = 0
  private(set) var holds = 0
  private var closing = SampleLoad()
  /// The answer with the most objects so far.
  private(set) var best: (answer: Snapshot<T>, objects: Int)?

  init(
    engine: SnapshotEngine, guide: PageCache, addressSpace: (any AddressSpace)?,
    registers: [RegisterKey], walk: @escaping (MemoryView) throws(ReadFault) -> T
  ) {
    self.memory = engine.memory
    self.stepLimit = engine.stepLimit
    self.waveLimit = engine.waveLimit
    self.constants = engine.constants
    self.guide = guide
    self.addressSpace = addressSpace
    self.registers = registers
    self.walk = walk
  }

  func snapshot() throws(SnapshotError) -> Snapshot<T> {
    if case .frozen = memory.consistency,
      let outcome = try frozen(firstWave(scopes()), scopes())
    {
      return try answer(outcome.pass, stops: 1)
    }
    var closings = 0
    while true {
      if closings < SnapshotEngine.closingAttempts, let pass = try discover() {
        closings += 1
        if let snapshot = try close(pass) { return snapshot }
      } else {
        holds += 1
        let isLast = holds >= SnapshotEngine.holdAttempts
        if let snapshot = try held(isLast: isLast) { return snapshot }
      }
    }
  }

  /// What the walker makes of the waves, without a closing.
  func explore() throws(SnapshotError) -> T {
    while true {
      if let pass = try discover() { return try answer(pass, stops: waves).value }
      holds += 1
      let pass = try whileHeld { hold throws(SnapshotError) in try discover(in: hold) }
      if let pass { return try answer(pass, stops: waves).value }
    }
  }

  // MARK: Passes

  /// What one run of the walker came to.
  struct Pass {
    var result: Result<T, ReadFault>
    var view: MemoryView
    /// Something is still missing, after as many waves as there may be.
    var isOutOfWaves = false

    /// True when fetching more would change nothing.
    var isComplete: Bool {
      if case .failure(.miss) = result { return false }
      return view.objects.missed.isEmpty
    }
  }

  func pass(
    over cache: PageCache, registers: [RegisterKey: Result<UInt64, Absence>] = [:],
    isSnapshot: Bool = false, objects: ObjectScopes = ObjectScopes()
  ) throws(SnapshotError) -> Pass {
    let view = MemoryView(
      ram: memory.ram, addressSpace: addressSpace, cache: cache, registers: registers,
      isSnapshot: isSnapshot, stepLimit: stepLimit, objects: objects, constants: constants)
    do throws(ReadFault) {
      return Pass(result: .success(try walk(view)), view: view)
    } catch .stepLimit {
      throw .tooManySteps(stepLimit)
    } catch {
      return Pass(result: .failure(error), view: view)
    }
  }

  /// - Parameter stops: the instants that it is from.
  func answer(
    _ pass: Pass, stops: Int, wasHeld: Bool = false
  ) throws(SnapshotError) -> Snapshot<T> {
    let lack: Unreadable.Reason = pass.isOutOfWaves ? .tooDeep(waves: waveLimit) : .moving
    switch pass.result {
    case .success(let value):
      let missed = pass.view.objects.missed.map { key in
        UnreadableObject(key: key, cause: Unreadable(lack, at: key.address.rawValue))
      }
      return Snapshot(
        value: value, unreadable: pass.view.objects.unreadable + missed, stops: stops,
        waves: waves, wasHeld: wasHeld, closing: closing, registers: pass.view.registers)
    case .failure(.unreadable(let cause)): throw .unreadable(cause)
    case .failure(.stepLimit): throw .tooManySteps(stepLimit)
    case .failure(.miss): throw .unreadable(Unreadable(lack, at: 0))
    }
  }

  // MARK: Discovery

  /// Walks and fetches until nothing is missing; nil when it is better to hold the guest, or to let
  /// it go on.
  private func discover(in hold: Hold? = nil) throws(SnapshotError) -> Pass? {
    var waves = 0
    while true {
      var pass = try pass(over: guide)
      // A read that a walker swallowed is on the list all the same, and harmless.
      pass.isOutOfWaves = !pass.view.misses.isEmpty && waves == waveLimit
      if pass.view.misses.isEmpty || pass.isOutOfWaves { return pass }
      // What two holds did not finish is too much for one: it takes stops, however dear.
      if memory.consistency != .frozen, holds < 2, stopsAreDear(after: waves) { return nil }
      for batch in (hold?.limits ?? memory.limits).batches(memory.ram.coalesce(pass.view.misses)) {
        if let hold, hold.isOver { return nil }
        store(try sample(batch), of: batch, in: guide)
      }
      waves += 1
      self.waves += 1
    }
  }

  /// True where the stops of the waves to come cost more than to hold the guest for all of them:
  /// dirty disks to flush, vhost devices to stop and start.
  private func stopsAreDear(after waves: Int) -> Bool {
    let remaining = max(SnapshotEngine.expectedWaves - waves, 2)
    let stop = memory.limits.stopCost
    // Twice, for one long stop is worse than short ones of the same sum.
    let wave = SnapshotEngine.heldWaveCost + memory.limits.roundTrip
    let held: Duration = stop + wave * remaining
    return stop * remaining > held * 2
  }

  func sample(
    _ ranges: [PhysicalRange], registers: [RegisterKey] = []
  ) throws(SnapshotError) -> Sample {
    do { return try memory.sample(ranges: ranges, registers: registers) } catch {
      throw .source(error)
    }
  }

  func store(_ sample: Sample, of ranges: [PhysicalRange], in cache: PageCache) {
    for (range, outcome) in zip(ranges, sample.memory) {
      switch outcome {
      case .success(let bytes): cache.store(bytes, at: range.start)
      case .failure(let absence): cache.store(absence, for: range)
      }
    }
  }

  // MARK: Closing

  /// Reads the plan of a pass once more, in one stop if it fits, and walks on that alone; nil
  /// when the guest moved on meanwhile.
  private func close(_ plan: Pass) throws(SnapshotError) -> Snapshot<T>? {
    let parts = ClosingPart.parts(of: plan.view, without: settled, within: memory.limits)
    var last: Pass?
    var isNew = false
    for part in parts {
      let ranges = memory.ram.coalesce(part.ranges)
      let cache = PageCache()
      let sample = try sampleTogether(ranges)
      for range in ranges { closing.add(range, readBytes: memory.limits.readBytes) }
      store(sample, of: ranges, in: cache)
      store(sample, of: ranges, in: guide)
      let pass = try pass(
        over: cache, registers: sample.registers, isSnapshot: true,
        objects: scopes(wanted: part.objects, collects: part.objects != nil))
      if case .failure(.miss) = pass.result { return nil }
      isNew = settle(pass)
      last = pass
    }
    guard let last else { return nil }
    let answer = try answer(last, stops: isNew ? stops : stops + 1)
    guard last.isComplete else {
      note(answer, of: last)
      return nil
    }
    return answer
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

  /// Keeps the objects that a stop has given. False for none, which makes a pass that gives the
  /// answer one instant more: what is outside of objects is from it.
  func settle(_ pass: Pass) -> Bool {
    let isNew = pass.view.objects.settled.count > settled.count
    if isNew { stops += 1 }
    settled = pass.view.objects.settled
    return isNew
  }
}
