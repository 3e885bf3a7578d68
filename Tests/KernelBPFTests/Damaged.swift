import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel
import TestSupport
import Testing

/// Walks a guest whose memory is damaged, many times: an answer or an error within bounds.
enum Damaged {
  /// What a walk has found, and how many objects it could not read.
  typealias Walk = (BPFObjects) throws(KernelError) -> (found: Int, unreadable: Int)

  /// A guest that was written by hand.
  static func check(
    _ guest: SyntheticGuest, _ noun: String, mostFound: Int, _ walk: Walk
  ) throws {
    let recorded = ScriptedMemory(guest.memory)
    let kernel = try GuestKernel(try guest.image(), in: SnapshotEngine(recorded))
    let whole = try walk(BPFObjects(kernel, SnapshotEngine(recorded)))
    #expect(whole.found > 0 && whole.unreadable == 0)
    let corruptible = try CorruptibleGuest(guest.memory, read: Array(recorded.samples.joined()))
    let counts = try check(
      corruptible, kernel, noun, rounds: max(150, Fuzz.rounds / 4), mostFound: mostFound, walk)
    // Damage that nobody notices, or that spoils everything, would test little.
    #expect(counts.whole > 0 && counts.partial > 0)
  }

  @discardableResult
  static func check(
    _ guest: CorruptibleGuest, _ kernel: GuestKernel, _ noun: String, rounds: Int, mostFound: Int,
    _ walk: Walk
  ) throws -> (whole: Int, partial: Int, failed: Int) {
    print("damaged \(noun): seed \(Fuzz.seed), \(rounds) rounds")
    var counts = (whole: 0, partial: 0, failed: 0)
    for round in 0..<rounds {
      // A seed a round, so that a round can be repeated alone.
      var random = SplitMix(state: Fuzz.seed &+ UInt64(round))
      let memory = ScriptedMemory(guest.corrupted(using: &random))
      let engine = SnapshotEngine(memory)
      engine.stepLimit = 400_000
      let comment = Comment(rawValue: "\(noun), seed \(Fuzz.seed), round \(round)")
      do throws(KernelError) {
        let answer = try walk(BPFObjects(kernel, engine))
        if answer.unreadable == 0 { counts.whole += 1 } else { counts.partial += 1 }
        #expect(answer.found <= mostFound, comment)
      } catch {
        counts.failed += 1
      }
      // Lists have more waves than usual.
      #expect(memory.samples.count <= 8 * Fuzz.mostSamples, comment)
      #expect(memory.samples.joined().reduce(0) { $0 + $1.count } < 64 << 20, comment)
      #expect(!memory.isHeld, comment)
    }
    print("damaged \(noun): \(counts)")
    return counts
  }
}
