/// The first strategy: short stops, between which the guest runs.
extension SnapshotRun {
  /// What discovery came to.
  enum Discovery {
    /// A pass that has all it reads, or has used up its waves.
    case missesNothing(Pass)
    /// The waves to come would stop the guest for longer, all together, than one hold.
    case stopsAreDearerThanAHold
    /// The guest must go on before all was fetched.
    case holdIsOver
  }

  /// Walks and fetches until nothing is missing.
  ///
  /// - Parameter hold: the one stop in which it happens; nil for a stop a wave.
  func discover(in hold: Hold? = nil) throws(SnapshotError) -> Discovery {
    var waves = 0
    while true {
      let isOutOfWaves = waves == waveLimit
      let pass = try pass(over: guide, isOutOfWaves: isOutOfWaves)
      // A read that a walker swallowed is on the list all the same, and harmless.
      if pass.view.misses.isEmpty || isOutOfWaves { return .missesNothing(pass) }
      // What two holds did not finish is too much for one: it takes stops, however dear.
      if memory.consistency != .frozen, holds < 2, stopsAreDear(after: waves) {
        return .stopsAreDearerThanAHold
      }
      for batch in (hold?.limits ?? memory.limits).batches(memory.ram.coalesce(pass.view.misses)) {
        if let hold, hold.isOver { return .holdIsOver }
        let sample = try sample(batch)
        store(sample, of: batch, in: guide)
        store(sample, of: batch, in: fresh)
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

  /// Reads the plan of a pass once more, in one stop if it fits, and walks on that alone. Another
  /// attempt is needed when the guest moved on meanwhile.
  func close(_ plan: Pass) throws(SnapshotError) -> Attempt {
    engine.note(plan: plan.view.uses)
    let parts = ClosingPart.parts(of: plan.view, without: settled, within: memory.limits)
    var last: Pass?
    var stops = 1
    for part in parts {
      let ranges = memory.ram.coalesce(part.ranges)
      let cache = PageCache()
      let sample = try sampleTogether(ranges)
      for range in ranges { closing.add(range, readBytes: memory.limits.readBytes) }
      store(sample, of: ranges, in: cache)
      store(sample, of: ranges, in: guide)
      fresh = cache
      let pass = try pass(
        over: cache, of: sample,
        objects: scopes(wanted: part.objects, collects: part.objects != nil))
      let before = settled.count
      stops = settle(pass)
      // A walker that goes on only from what it has all of misses what other parts are to bring.
      if case .failure(.miss) = pass.result, settled.count == before { return .needsAnotherOne }
      last = pass
    }
    guard let last else { return .needsAnotherOne }
    if case .failure(.miss) = last.result { return .needsAnotherOne }
    let answer = try answer(last, stops == 1 ? .instant : .perObject(stops: stops))
    guard last.isComplete else {
      note(answer, of: last)
      return .needsAnotherOne
    }
    return .gaveTheAnswer(answer)
  }

  /// All of the ranges from one instant. Where one sample cannot hold them the guest is held for as
  /// long as it takes: half an object is not an answer.
  private func sampleTogether(_ ranges: [PhysicalRange]) throws(SnapshotError) -> Sample {
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
