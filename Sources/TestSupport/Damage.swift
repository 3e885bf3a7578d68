import GuestScopeGuestMemory

/// What became of many readings of a guest, each time damaged in another way where it was read.
public struct DamageTally: CustomStringConvertible, Sendable {
  /// Answers that lack nothing, those that name what they lack, and refusals.
  public private(set) var whole = 0
  public private(set) var partial = 0
  public private(set) var failed = 0
  /// Readings that were not within bounds, with the seed and the round that repeat them.
  public private(set) var excesses: [String] = []

  public var description: String {
    "\(whole) whole, \(partial) partial, \(failed) failed"
      + (excesses.isEmpty ? "" : "; not within bounds: \(excesses.prefix(5))")
  }

  mutating func count(unreadable: Int) {
    if unreadable == 0 { whole += 1 } else { partial += 1 }
  }

  mutating func countFailure() { failed += 1 }

  mutating func check(_ isWithin: Bool, _ what: String) {
    if !isWithin { excesses.append(what) }
  }
}

extension CorruptibleGuest {
  /// Reads the guest many times, each time damaged in another way.
  ///
  /// - Parameters:
  ///   - noun: for the lines that say the seed and the outcome.
  ///   - stepLimit: reads that one pass may take.
  ///   - mostSamples: those that one reading may take.
  ///   - mostBytes: what it may read.
  ///   - read: gives how many objects of the answer are unreadable; its text says the round.
  public func damaged<E: Error>(
    _ noun: String, rounds: Int = Fuzzing.rounds, stepLimit: Int = 100_000,
    mostSamples: Int = .max, mostBytes: Int = 64 << 20,
    _ read: (SnapshotEngine, String) throws(E) -> Int
  ) -> DamageTally {
    print("damaged \(noun): seed \(Fuzzing.seed), \(rounds) rounds")
    var tally = DamageTally()
    for round in 0..<rounds {
      // A seed a round, so that a round can be repeated alone.
      var random = SplitMix(state: Fuzzing.seed &+ UInt64(round))
      let memory = ScriptedMemory(corrupted(using: &random))
      let engine = SnapshotEngine(memory)
      engine.stepLimit = stepLimit
      let text = "\(noun), seed \(Fuzzing.seed), round \(round)"
      do throws(E) {
        tally.count(unreadable: try read(engine, text))
      } catch {
        tally.countFailure()
      }
      tally.check(memory.samples.count <= mostSamples, "\(text): samples")
      tally.check(
        memory.samples.joined().reduce(0) { $0 + $1.count } < mostBytes, "\(text): bytes")
      tally.check(!memory.isHeld, "\(text): still held")
    }
    print("damaged \(noun): \(tally)")
    return tally
  }
}
