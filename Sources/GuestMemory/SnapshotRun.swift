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
  private var settled: [ObjectKey: ObjectScopes.Outcome] = [:]
  private var waves = 0
  private var stops = 0
  private var closing = SampleLoad()

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
    if case .frozen = memory.consistency { return try frozen(deadline: nil) }
    for _ in 0..<SnapshotEngine.closingAttempts {
      guard let pass = try discover() else { break }
      if let snapshot = try close(pass) { return snapshot }
    }
    return try held()
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

  private func answer(_ pass: Pass, wasHeld: Bool) throws(SnapshotError) -> Snapshot<T> {
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

  /// Walks and fetches until nothing is missing; nil when it is better to hold the guest.
  private func discover() throws(SnapshotError) -> Pass? {
    var waves = 0
    while true {
      let pass = try pass(over: guide)
      // A read that a walker swallowed is on the list all the same, and harmless.
      guard !pass.view.misses.isEmpty, waves < waveLimit else { return pass }
      if stopsAreDear(after: waves) { return nil }
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
    let held: Duration = stop + SnapshotEngine.heldWaveCost * remaining
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

  // MARK: Closing

  /// Reads the plan of a pass once more, in one stop if it fits, and walks on that alone; nil
  /// when the guest moved on meanwhile.
  private func close(_ plan: Pass) throws(SnapshotError) -> Snapshot<T>? {
    let parts = parts(of: plan.view)
    var last: Pass?
    for (index, part) in parts.enumerated() {
      let ranges = memory.ram.coalesce(part.ranges)
      let cache = PageCache()
      let sample = try sample(ranges, registers: registers)
      stops += 1
      for range in ranges { closing.add(range, readBytes: memory.limits.readBytes) }
      store(sample, of: ranges, in: cache)
      store(sample, of: ranges, in: guide)
      var objects = ObjectScopes()
      objects.settled = settled
      objects.wanted = part.objects
      objects.collects = part.objects != nil
      let pass = try pass(
        over: cache, registers: sample.registers, isSnapshot: true, objects: objects)
      if case .failure(.miss) = pass.result { return nil }
      settled = pass.view.objects.settled
      if index == parts.count - 1 { last = pass }
    }
    guard let last, last.isComplete else { return nil }
    return try answer(last, wasHeld: false)
  }

  /// What one closing stop reads.
  private struct Part {
    var ranges: [PhysicalRange]
    /// The objects that are read in it; nil for all.
    var objects: Set<ObjectKey>?
  }

  /// The plan in as few parts as the limits of one stop allow. Each has all that was read outside
  /// of objects, so that it stands for itself.
  private func parts(of view: MemoryView) -> [Part] {
    let limits = memory.limits
    let ram = memory.ram
    if settled.isEmpty, limits.admit(limits.load(ram.coalesce(view.uses))) {
      return [Part(ranges: view.uses, objects: nil)]
    }
    let objects = view.objects.plan.filter { settled[$0.key] == nil }
    var skeleton: [PhysicalRange] = []
    var end = 0
    for object in view.objects.plan {
      skeleton += view.uses[end..<object.uses.lowerBound]
      end = object.uses.upperBound
    }
    skeleton = ram.coalesce(skeleton + view.uses[end...])

    func part(_ slice: ArraySlice<(key: ObjectKey, uses: Range<Int>)>) -> Part {
      Part(
        ranges: skeleton + slice.flatMap { view.uses[$0.uses] }, objects: Set(slice.map(\.key)))
    }
    var parts: [Part] = []
    var rest = objects[...]
    var count = rest.count
    while !rest.isEmpty {
      // One object more or less changes little: start from the size that fitted last.
      count = min(count, rest.count)
      while count > 1, !limits.admit(limits.load(ram.coalesce(part(rest.prefix(count)).ranges))) {
        count = max(1, count * 3 / 4)
      }
      parts.append(part(rest.prefix(count)))
      rest = rest.dropFirst(count)
      count += count / 8
    }
    return parts.isEmpty ? [part([])] : parts
  }

  // MARK: Holding

  /// Stops the guest for all that is left to do, within the longest pause that is allowed.
  private func held() throws(SnapshotError) -> Snapshot<T> {
    do { try memory.hold() } catch { throw .source(error) }
    let outcome: Result<Snapshot<T>, SnapshotError>
    do throws(SnapshotError) {
      outcome = .success(try frozen(deadline: memory.limits.pause))
    } catch {
      outcome = .failure(error)
    }
    do { try memory.release() } catch { throw .source(error) }
    return try outcome.get()
  }

  /// Walks memory that stands still. What is still missing at the deadline counts as unreadable.
  private func frozen(deadline: Duration?) throws(SnapshotError) -> Snapshot<T> {
    let clock = ContinuousClock()
    let start = clock.now
    // What was learnt before tells what to read in the first wave, and nothing else.
    var missing = memory.ram.coalesce(try pass(over: guide).view.uses)
    let cache = PageCache()
    var values: [RegisterKey: Result<UInt64, Absence>] = [:]
    stops = 1
    var first = true
    while true {
      let batches = memory.limits.batches(missing)
      for batch in first && batches.isEmpty ? [[]] : batches {
        let sample = try sample(batch, registers: first ? registers : [])
        if first { values = sample.registers }
        first = false
        store(sample, of: batch, in: cache)
      }
      let pass = try pass(over: cache, registers: values, isSnapshot: true)
      missing = memory.ram.coalesce(pass.view.misses)
      let late = deadline.map { clock.now - start > $0 } ?? false
      if missing.isEmpty || waves >= waveLimit || late {
        guide = cache
        return try answer(pass, wasHeld: deadline != nil)
      }
      waves += 1
    }
  }
}
