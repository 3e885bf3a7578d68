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
    let tally = try check(
      corruptible, kernel, noun, rounds: max(150, Fuzz.rounds / 4), mostFound: mostFound, walk)
    // Damage that nobody notices, or that spoils everything, would test little.
    #expect(tally.whole > 0 && tally.partial > 0)
  }

  @discardableResult
  static func check(
    _ guest: CorruptibleGuest, _ kernel: GuestKernel, _ noun: String, rounds: Int, mostFound: Int,
    _ walk: Walk
  ) throws -> DamageTally {
    // Lists have more waves than usual.
    let tally = guest.damaged(
      noun, rounds: rounds, stepLimit: 400_000, mostSamples: 8 * Fuzz.mostSamples
    ) { engine, round throws(KernelError) in
      let answer = try walk(BPFObjects(kernel, engine))
      #expect(answer.found <= mostFound, "\(round)")
      return answer.unreadable
    }
    #expect(tally.excesses.isEmpty)
    return tally
  }
}
