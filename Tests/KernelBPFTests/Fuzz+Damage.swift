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
  ///   - answers: how many one reading asks for.
  ///   - read: gives what of the answer is unreadable.
  static func damage(
    _ guest: SyntheticGuest, _ what: String, answers: Int = 1,
    _ read: (BPFObjects, Comment) throws(KernelError) -> Int
  ) throws -> DamageTally {
    guest.writeIDR()
    let image = try guest.image()
    let recorded = ScriptedMemory(guest.memory)
    let kernel = try GuestKernel(image, in: SnapshotEngine(recorded))
    _ = try read(BPFObjects(kernel, SnapshotEngine(recorded)), "undamaged")
    let corruptible = try CorruptibleGuest(guest.memory, read: Array(recorded.samples.joined()))
    let tally = corruptible.damaged(
      what, mostSamples: 2 * answers * mostSamples, mostBytes: answers * 64 << 20
    ) {
      engine, round throws(KernelError) in
      try read(BPFObjects(kernel, engine), "\(round)")
    }
    #expect(tally.excesses.isEmpty)
    return tally
  }
}
