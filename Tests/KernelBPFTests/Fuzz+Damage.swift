import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel
import TestSupport
import Testing

extension Fuzz {
  /// Reads a guest, and then again and again, each time damaged in another way where it was read: an
  /// answer or an error, within bounds.
  ///
  /// - Parameters:
  ///   - what: for the line that says the seed.
  ///   - read: gives what of the answer is unreadable.
  static func damage(
    _ guest: SyntheticGuest, _ what: String,
    _ read: (BPFObjects, Comment) throws(KernelError) -> Int
  ) throws -> (whole: Int, partial: Int, failed: Int) {
    guest.writeIDR()
    let image = try guest.image()
    let recorded = ScriptedMemory(guest.memory)
    let kernel = try GuestKernel(image, in: SnapshotEngine(recorded))
    _ = try read(BPFObjects(kernel, SnapshotEngine(recorded)), "undamaged")
    let corruptible = try CorruptibleGuest(guest.memory, read: Array(recorded.samples.joined()))

    print("damaged \(what): seed \(seed), \(rounds) rounds")
    var tally = (whole: 0, partial: 0, failed: 0)
    for round in 0..<rounds {
      var random = SplitMix(state: seed &+ UInt64(round))
      let memory = ScriptedMemory(corruptible.corrupted(using: &random))
      let engine = SnapshotEngine(memory)
      engine.stepLimit = 100_000
      let comment = Comment(rawValue: "seed \(seed), round \(round)")
      do throws(KernelError) {
        if try read(BPFObjects(kernel, engine), comment) == 0 {
          tally.whole += 1
        } else {
          tally.partial += 1
        }
      } catch {
        tally.failed += 1
      }
      #expect(memory.samples.count <= 2 * mostSamples, comment)
      #expect(memory.samples.joined().reduce(0) { $0 + $1.count } < 64 << 20, comment)
      #expect(!memory.isHeld, comment)
    }
    print("damaged \(what): \(tally)")
    return tally
  }
}
