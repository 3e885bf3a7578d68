/// A stop across several samples.
struct Hold {
  /// The limits in force before the hold. A sample of a guest that stands still stops nothing and
  /// has no limit of its own, but all of them are part of this one stop.
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

/// The second strategy: one stop for all that is left to do.
extension SnapshotRun {
  /// What a walk of memory that stands still came to.
  enum StandstillWalk {
    /// A pass that has all it reads, or has used up its waves.
    case missesNothing(Pass)
    /// The last pass before the guest must go on; it lacks something.
    case holdIsOver(Pass)
    /// The memory does not stand still any more: somebody let the guest go on.
    case guestRuns
  }

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

  /// Stops the guest for all that is left to do, within the longest pause that is allowed. Where
  /// that was not enough, another stop goes on from there.
  ///
  /// - Parameter isLast: no other attempt follows; the best answer so far is the answer.
  func hold(isLast: Bool) throws(SnapshotError) -> Attempt {
    // An answer of one instant is better than one of several, and that than none.
    let collects = !settled.isEmpty || holds > SnapshotEngine.holdAttempts / 2
    // Before the guest stops: it need not wait for our thinking.
    let wave = try firstWave(scopes())
    let outcome = try whileHeld { hold throws(SnapshotError) in
      try walkStandstill(wave, scopes(collects: collects), hold)
    }
    switch outcome {
    case .missesNothing(let pass):
      return .gaveTheAnswer(
        try answer(pass, .held(stops: collects ? settle(pass) : 1)))
    case .holdIsOver(let pass):
      let stops = collects ? settle(pass) : 1
      if case .success = pass.result { note(try answer(pass, .held(stops: stops)), of: pass) }
      guard isLast else { return .needsAnotherOne }
      if let best { return .gaveTheAnswer(best.answer) }
      return .gaveTheAnswer(try answer(pass, .held(stops: stops)))
    case .guestRuns:
      guard isLast else { return .needsAnotherOne }
      guard let best else { throw .unreadable(Unreadable(.moving, at: 0)) }
      return .gaveTheAnswer(best.answer)
    }
  }

  /// What a walk of memory that stands still reads first: all that is known to be needed.
  func firstWave(_ objects: ObjectScopes) throws(SnapshotError) -> [PhysicalRange] {
    let view = try pass(over: guide, isForecast: true, objects: objects).view
    return memory.ram.coalesce(view.uses + view.misses)
  }

  /// Walks memory that stands still, until nothing is missing or the hold is over.
  ///
  /// - Parameter hold: nil where somebody else has stopped the guest.
  func walkStandstill(
    _ wave: [PhysicalRange], _ objects: ObjectScopes, _ hold: Hold? = nil
  ) throws(SnapshotError) -> StandstillWalk {
    let cache = PageCache()
    // All of it is of one instant.
    fresh = cache
    var missing = wave
    var first: Sample?
    var waveCount = 0
    func isLate() -> Bool { hold?.isOver ?? false }
    while true {
      let batches = (hold?.limits ?? memory.limits).batches(missing)
      for batch in batches.isEmpty ? [[]] : batches {
        if first != nil, isLate() { break }
        let sample = try sample(batch, registers: first == nil ? registers : [])
        guard case .frozen = memory.consistency else { return .guestRuns }
        first = first ?? sample
        store(sample, of: batch, in: cache)
        store(sample, of: batch, in: guide)
      }
      let isOutOfWaves = waveCount == waveLimit
      let pass = try pass(over: cache, of: first, isOutOfWaves: isOutOfWaves, objects: objects)
      missing = memory.ram.coalesce(pass.view.misses)
      if missing.isEmpty || isOutOfWaves {
        engine.note(plan: pass.view.uses)
        guide = cache
        return .missesNothing(pass)
      }
      if isLate() { return .holdIsOver(pass) }
      waveCount += 1
      waves += 1
    }
  }
}
