/// A stop across several samples.
struct Hold {
  /// Of before it. A sample of a guest that stands still stops nothing and has no limit of its own,
  /// but all of them are part of this one stop.
  var limits: SampleLimits
  /// Nil where a stop may be as long as it likes.
  private var deadline: ContinuousClock.Instant?

  /// Begins now.
  init(_ limits: SampleLimits) {
    self.limits = limits
    deadline = limits.pause.map { .now + $0 }
  }

  var isOver: Bool { deadline.map { .now > $0 } ?? false }
}

extension SnapshotRun {
  /// Works while the guest is stopped, and lets it go on whatever comes of that.
  func whileHeld<R>(_ work: (Hold) throws(SnapshotError) -> R) throws(SnapshotError) -> R {
    let limits = memory.limits
    do { try memory.hold() } catch { throw .source(error) }
    let outcome: Result<R, SnapshotError>
    do throws(SnapshotError) {
      outcome = .success(try work(Hold(limits)))
    } catch {
      outcome = .failure(error)
    }
    do { try memory.release() } catch { throw .source(error) }
    return try outcome.get()
  }

  /// Stops the guest for all that is left to do, within the longest pause that is allowed; nil
  /// when that was not enough and another stop is to go on from there.
  func held(isLast: Bool) throws(SnapshotError) -> Snapshot<T>? {
    // An answer of one instant is better than one of several, and that than none.
    let collects = !settled.isEmpty || holds > SnapshotEngine.holdAttempts / 2
    // Before the guest stops: it need not wait for our thinking.
    let wave = try firstWave(scopes())
    let outcome = try whileHeld { hold throws(SnapshotError) in
      try frozen(wave, scopes(collects: collects), hold)
    }
    guard let (pass, isLate) = outcome else {
      guard isLast else { return nil }
      if let best { return best.answer }
      throw .unreadable(Unreadable(.moving, at: 0))
    }
    let stops = collects ? settle(pass) ? stops : stops + 1 : 1
    if isLate {
      if case .success = pass.result {
        note(try answer(pass, stops: stops, wasHeld: true), of: pass)
      }
      if !isLast { return nil }
      if let best { return best.answer }
    }
    return try answer(pass, stops: stops, wasHeld: true)
  }

  /// What a walk of memory that stands still reads first: all that is known to be needed.
  func firstWave(_ objects: ObjectScopes) throws(SnapshotError) -> [PhysicalRange] {
    let view = try pass(over: guide, objects: objects).view
    return memory.ram.coalesce(view.uses + view.misses)
  }

  /// Walks memory that stands still, until nothing is missing or the hold is over; nil when it does
  /// not stand still any more.
  ///
  /// - Parameter hold: nil where somebody else has stopped the guest.
  func frozen(
    _ wave: [PhysicalRange], _ objects: ObjectScopes, _ hold: Hold? = nil
  ) throws(SnapshotError) -> (pass: Pass, isLate: Bool)? {
    let cache = PageCache()
    var missing = wave
    var values: [RegisterKey: Result<UInt64, Absence>] = [:]
    var waveCount = 0
    func isLate() -> Bool { hold?.isOver ?? false }
    while true {
      let batches = (hold?.limits ?? memory.limits).batches(missing)
      for (index, batch) in (batches.isEmpty ? [[]] : batches).enumerated() {
        let isFirst = waveCount == 0 && index == 0
        if !isFirst, isLate() { break }
        let sample = try sample(batch, registers: isFirst ? registers : [])
        guard case .frozen = memory.consistency else { return nil }
        if isFirst { values = sample.registers }
        store(sample, of: batch, in: cache)
        store(sample, of: batch, in: guide)
      }
      var pass = try pass(over: cache, registers: values, isSnapshot: true, objects: objects)
      missing = memory.ram.coalesce(pass.view.misses)
      pass.isOutOfWaves = !missing.isEmpty && waveCount == waveLimit
      if missing.isEmpty || pass.isOutOfWaves {
        guide = cache
        return (pass, false)
      }
      if isLate() { return (pass, true) }
      waveCount += 1
      waves += 1
    }
  }

  /// All of the ranges from one instant. Where one sample cannot hold them the guest is held for as
  /// long as it takes: half an object is no answer.
  func sampleTogether(_ ranges: [PhysicalRange]) throws(SnapshotError) -> Sample {
    guard !memory.limits.fit(memory.limits.load(ranges)) else {
      return try sample(ranges, registers: registers)
    }
    return try whileHeld { _ throws(SnapshotError) in
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
}
