import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel
import TestSupport
import Testing

/// Damaged maps: entries or an error within bounds, whatever their memory holds.
@Suite struct ContentsCorruptionTests {
  @Test func damagedMapsAreAnsweredOrRefused() throws {
    let contents = ContentsGuest()
    contents.addArray(1, count: 600)
    contents.addHash(2, chains: [[4, 9, 2], [], [7], [1, 3, 5, 6]])
    contents.add(
      3, type: 22, key: 0, value: 3, entries: 3,
      [260: word(2 as UInt32) + word(3 as UInt32) + word(4 as UInt32)])
    contents.guest.writeIDR()
    let image = try contents.guest.image()
    let recorded = ScriptedMemory(contents.guest.memory)
    let kernel = try GuestKernel(image, in: SnapshotEngine(recorded))
    _ = try BPFObjects(kernel, SnapshotEngine(recorded)).contents(MapContentsQuery())
    let corruptible = try CorruptibleGuest(
      contents.guest.memory, read: Array(recorded.samples.joined()))

    print("damaged maps: seed \(Fuzz.seed), \(Fuzz.rounds) rounds")
    var (whole, partial, failed) = (0, 0, 0)
    for round in 0..<Fuzz.rounds {
      var random = SplitMix(state: Fuzz.seed &+ UInt64(round))
      let memory = ScriptedMemory(corruptible.corrupted(using: &random))
      let engine = SnapshotEngine(memory)
      engine.stepLimit = 100_000
      let comment = Comment(rawValue: "seed \(Fuzz.seed), round \(round)")
      do throws(KernelError) {
        let snapshot = try BPFObjects(kernel, engine).contents(MapContentsQuery())
        if snapshot.unreadable.isEmpty { whole += 1 } else { partial += 1 }
        for map in snapshot.value {
          #expect(map.entries.count <= Int(map.map.maxEntries) + 2, comment)
        }
      } catch {
        failed += 1
      }
      #expect(memory.samples.count <= 2 * Fuzz.mostSamples, comment)
      #expect(memory.samples.joined().reduce(0) { $0 + $1.count } < 64 << 20, comment)
      #expect(!memory.isHeld, comment)
    }
    print("damaged maps: \(whole) whole, \(partial) partial, \(failed) failed")
    #expect(whole > 0 && partial > 0)
  }
}
