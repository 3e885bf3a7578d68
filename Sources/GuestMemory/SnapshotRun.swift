/// One snapshot in the making.
final class SnapshotRun<T> {
  private let memory: any GuestMem
  private let stepLimit: Int
  private let waveLimit: Int
  private let addressSpace: (any AddressSpace)?
  private let registers: [RegisterKey]
  private let walk: (MemoryView) throws(ReadFault) -> T

  /// What is known of the guest, from several instants.
  private(set) var guide: PageCache
  /// Of earlier parts of the closing.
  private var settled: [ObjectKey: ObjectScopes.Outcome] = [:]
  private var waves = 0
  private var stops = 0
  private var holds = 0
  private var closing = SampleLoad()
  /// The answer with the most objects so far.
  private var best: (answer: Snapshot<T>, objects: Int)?

  init(
    engine: SnapshotEngine, guide: PageCache, addressSpace: (any AddressSpace)?,
    registers: [RegisterKey], walk: @escaping (MemoryView) throws(ReadFault) -> T
  ) {
    self.memory = engine.memory
    self.stepLimit = engine.stepLimit
    self.waveLimit = engine.waveLimit
    self.guide = guide
    self.addressSpace = addressSpace
    self.registers = registers
    self.walk = walk
  }

  func snapshot() throws(SnapshotError) -> Snapshot<T> {
    if case .frozen = memory.consistency,
      let outcome = try frozen(firstWave(scopes()), scopes())
    {
      stops = 1
      return try answer(outcome.pass)
    }
    var closings = 0
    while true {
      if closings < SnapshotEngine.closingAttempts, let pass = try discover() {
        closings += 1
        if let snapshot = try close(pass) { return snapshot }
      } else {
        holds += 1
        let isLast = holds == SnapshotEngine.holdAttempts
        if let snapshot = try held(isLast: isLast) { return snapshot }
      }
    }
  }

  /// What the walker makes of the waves, without a closing.
  func explore() throws(SnapshotError) -> T {
    while true {
      if let pass = try discover() { return try answer(pass).value }
      holds += 1
      let limit = memory.limits.pause
      let pass = try whileHeld { () throws(SnapshotError) in
        try discover(until: limit.map { .now + $0 })
      }
      if let pass { return try answer(pass).value }
    }
  }

  // MARK: Passes

  /// What one run of the walker came to.
  private struct Pass {
    var result: Result<T, ReadFault>
    var view: MemoryView

    /// True when fetching more would change nothing.
    var isComplete: Bool {
      if case .failure(.miss) = result { return false }
      return view.objects.missed.isEmpty
    }
  }

  private func pass(
    over cache: PageCache, registers: [RegisterKey: Result<UInt64, Absence>] = [:],
    isSnapshot: Bool = false, objects: ObjectScopes = ObjectScopes()
  ) throws(SnapshotError) -> Pass {
    let view = MemoryView(
      ram: memory.ram, addressSpace: addressSpace, cache: cache, registers: registers,
      isSnapshot: isSnapshot, stepLimit: stepLimit, objects: objects)
    do throws(ReadFault) {
      return Pass(result: .success(try walk(view)), view: view)
    } catch .stepLimit {
      throw .tooManySteps(stepLimit)
    } catch {
      return Pass(result: .failure(error), view: view)
    }
  }

  private func answer(_ pass: Pass, wasHeld: Bool = false) throws(SnapshotError) -> Snapshot<T> {
    switch pass.result {
    case .success(let value):
      let moving = pass.view.objects.missed.map { key in
        UnreadableObject(key: key, cause: Unreadable(.moving, at: key.address.rawValue))
      }
      return Snapshot(
        value: value, unreadable: pass.view.objects.unreadable + moving, stops: stops,
        waves: waves, wasHeld: wasHeld, closing: closing)
    case .failure(.unreadable(let cause)): throw .unreadable(cause)
    case .failure(.stepLimit): throw .tooManySteps(stepLimit)
    case .failure(.miss): throw .unreadable(Unreadable(.moving, at: 0))
    }
  }

  // MARK: Discovery

  /// Walks and fetches until nothing is missing; nil when it is better to hold the guest, or to let
  /// it go on.
  private func discover(until deadline: ContinuousClock.Instant? = nil) throws(SnapshotError)
    -> Pass?
  {
    var waves = 0
    while true {
      let pass = try pass(over: guide)
      // A read that a walker swallowed is on the list all the same, and harmless.
      guard !pass.view.misses.isEmpty, waves < waveLimit else { return pass }
      if let deadline, .now > deadline { return nil }
      // What two holds did not finish is too much for one: it takes stops, however dear.
      if memory.consistency != .frozen, holds < 2, stopsAreDear(after: waves) { return nil }
      try fetch(pass.view.misses)
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

  private func fetch(_ ranges: [PhysicalRange]) throws(SnapshotError) {
    for batch in memory.limits.batches(memory.ram.coalesce(ranges)) {
      store(try sample(batch), of: batch, in: guide)
    }
  }

  private func sample(
    _ ranges: [PhysicalRange], registers: [RegisterKey] = []
  ) throws(SnapshotError) -> Sample {
    do { return try memory.sample(ranges: ranges, registers: registers) } catch {
      throw .source(error)
    }
  }

  private func store(_ sample: Sample, of ranges: [PhysicalRange], in cache: PageCache) {
    for (range, outcome) in zip(ranges, sample.memory) {
      switch outcome {
      case .success(let bytes): cache.store(bytes, at: range.start)
      case .failure(let absence): cache.store(absence, for: range)
      }
    }
  }

  /// All of the ranges from one instant. Where one sample cannot hold them the guest is held for as
  /// long as it takes: half an object is no answer.
  private func sampleTogether(_ ranges: [PhysicalRange]) throws(SnapshotError) -> Sample {
    guard !memory.limits.fit(memory.limits.load(ranges)) else {
      return try sample(ranges, registers: registers)
    }
    return try whileHeld { () throws(SnapshotError) in
      var whole = try sample([], registers: registers)
      for range in ranges {
        var pieces: [UInt8] = []
        var absence: Absence?
        for batch in memory.limits.batches([range]) {
          for piece in try sample(batch).memory {
            switch piece {
            case .success(let bytes): pieces += bytes
            case .failure(let reason): absence = reason
            }
          }
        }
        whole.memory.append(absence.map { .failure($0) } ?? .success(pieces))
      }
      return whole
    }
  }

  // MARK: Closing

  /// Reads the plan of a pass once more, in one stop if it fits, and walks on that alone; nil
  /// when the guest moved on meanwhile.
  private func close(_ plan: Pass) throws(SnapshotError) -> Snapshot<T>? {
    let parts = ClosingPart.parts(of: plan.view, without: settled, within: memory.limits)
    var last: Pass?
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
      settle(pass)
      last = pass
    }
    guard let last else { return nil }
    stops = max(stops, 1)
    let answer = try answer(last)
    guard last.isComplete else {
      note(answer, of: last)
      return nil
    }
    return answer
  }

  /// Remembers an answer that lacks something, if none before had more: what is tried next may
  /// see less, where one node that moved hides all that hangs on it.
  private func note(_ answer: Snapshot<T>, of pass: Pass) {
    let objects = pass.view.objects.read
    if objects >= best?.objects ?? 0 { best = (answer, objects) }
  }

  /// What a pass is to read: what earlier stops have settled it need not.
  private func scopes(wanted: Set<ObjectKey>? = nil, collects: Bool = false) -> ObjectScopes {
    var objects = ObjectScopes()
    (objects.settled, objects.wanted, objects.collects) = (settled, wanted, collects)
    return objects
  }

  /// Keeps the objects that a stop has given.
  private func settle(_ pass: Pass) {
    if pass.view.objects.settled.count > settled.count { stops += 1 }
    settled = pass.view.objects.settled
  }

  // MARK: Holding

  /// Works while the guest is stopped, and lets it go on whatever comes of that.
  private func whileHeld<R>(_ work: () throws(SnapshotError) -> R) throws(SnapshotError) -> R {
    do { try memory.hold() } catch { throw .source(error) }
    let outcome: Result<R, SnapshotError>
    do throws(SnapshotError) { outcome = .success(try work()) } catch { outcome = .failure(error) }
    do { try memory.release() } catch { throw .source(error) }
    return try outcome.get()
  }

  /// Stops the guest for all that is left to do, within the longest pause that is allowed; nil
  /// when that was not enough and another stop is to go on from there.
  private func held(isLast: Bool) throws(SnapshotError) -> Snapshot<T>? {
    // An answer of one instant is better than one of several, and that than none.
    let collects = !settled.isEmpty || holds > SnapshotEngine.holdAttempts / 2
    // Both before the guest stops: it has no limit then, and need not wait for our thinking.
    let limit = memory.limits.pause
    let wave = try firstWave(scopes())
    let outcome = try whileHeld { () throws(SnapshotError) in
      try frozen(wave, scopes(collects: collects), deadline: limit.map { .now + $0 })
    }
    guard let (pass, isLate) = outcome else { return nil }
    if collects { settle(pass) } else { stops = 1 }
    if isLate {
      if case .success = pass.result { note(try answer(pass, wasHeld: true), of: pass) }
      if !isLast { return nil }
      if let best { return best.answer }
    }
    return try answer(pass, wasHeld: true)
  }

  /// What a walk of memory that stands still reads first: all that is known to be needed.
  private func firstWave(_ objects: ObjectScopes) throws(SnapshotError) -> [PhysicalRange] {
    let view = try pass(over: guide, objects: objects).view
    return memory.ram.coalesce(view.uses + view.misses)
  }

  /// Walks memory that stands still, until nothing is missing or the deadline; nil when it does not
  /// stand still any more.
  private func frozen(
    _ wave: [PhysicalRange], _ objects: ObjectScopes, deadline: ContinuousClock.Instant? = nil
  ) throws(SnapshotError) -> (pass: Pass, isLate: Bool)? {
    let cache = PageCache()
    var missing = wave
    var values: [RegisterKey: Result<UInt64, Absence>] = [:]
    var waveCount = 0
    func isLate() -> Bool { deadline.map { .now > $0 } ?? false }
    while true {
      let batches = memory.limits.batches(missing)
      for (index, batch) in (batches.isEmpty ? [[]] : batches).enumerated() {
        let isFirst = waveCount == 0 && index == 0
        if !isFirst, isLate() { break }
        let sample = try sample(batch, registers: isFirst ? registers : [])
        guard case .frozen = memory.consistency else { return nil }
        if isFirst { values = sample.registers }
        store(sample, of: batch, in: cache)
        store(sample, of: batch, in: guide)
      }
      let pass = try pass(over: cache, registers: values, isSnapshot: true, objects: objects)
      missing = memory.ram.coalesce(pass.view.misses)
      if missing.isEmpty || waveCount == waveLimit {
        guide = cache
        return (pass, false)
      }
      if isLate() { return (pass, true) }
      waveCount += 1
      waves += 1
    }
  }
}
