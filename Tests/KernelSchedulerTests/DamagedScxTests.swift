import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport
import Testing

@testable import GuestScopeKernelScheduler

/// Guests whose sched_ext is damaged: an answer, or a refusal, and in bounds either way.
@Suite struct DamagedScxTests {
  private struct Found {
    var state: ScxState
    var dump: ScxDump
    var exits: [ScxExit]
  }

  private static func read(
    _ kernel: GuestKernel, _ engine: SnapshotEngine
  ) throws -> Snapshot<Found> {
    let dumper = try ScxDumper(kernel)
    return try kernel.snapshot(engine) { walk throws(ReadFault) in
      let (state, dump, exits) = try walk.view.together(
        walk.scxState(), dumper.dump(in: walk), walk.scxExits())
      return Found(state: state, dump: dump, exits: exits)
    }
  }

  @Test(arguments: [true, false])
  func damageIsCountedOrRefused(hasScheds: Bool) throws {
    let guest = ScxGuest.sample(hasScheds: hasScheds)
    guest.leave(
      kind: 1026, "stall", "it waits", frames: [1, 2, 3],
      dump: String(repeating: "a line\n", count: 100))
    let recorded = ScriptedMemory(guest.guest.memory)
    let kernel = try guest.kernel(SnapshotEngine(recorded))
    _ = try Self.read(kernel, SnapshotEngine(recorded))
    let corruptible = try CorruptibleGuest(
      guest.guest.memory, read: Array(recorded.samples.joined()))
    print("damaged sched_ext: seed \(Fuzzing.seed), \(Fuzzing.rounds) rounds")
    var (whole, partial, failed) = (0, 0, 0)
    for round in 0..<Fuzzing.rounds {
      var random = SplitMix(state: Fuzzing.seed &+ UInt64(round))
      let memory = ScriptedMemory(corruptible.corrupted(using: &random))
      let engine = SnapshotEngine(memory)
      engine.stepLimit = 100_000
      let comment = Comment(rawValue: "seed \(Fuzzing.seed), round \(round)")
      do {
        let snapshot = try Self.read(kernel, engine)
        if snapshot.unreadable.isEmpty { whole += 1 } else { partial += 1 }
        let found = snapshot.value
        #expect(found.dump.cpus.count <= 2 && found.state.schedulers.count <= 1, comment)
        #expect(found.exits.allSatisfy { $0.backtrace.count <= 64 }, comment)
        #expect(found.exits.allSatisfy { $0.message.utf8.count <= 3 * 1024 }, comment)
        #expect(Set(found.dump.tasks.map(\.pid)).count == found.dump.tasks.count, comment)
      } catch is SnapshotError {
        failed += 1
      }
      #expect(memory.samples.joined().reduce(0) { $0 + $1.count } < 64 << 20, comment)
      #expect(!memory.isHeld, comment)
    }
    print("damaged sched_ext: \(whole) whole, \(partial) partial, \(failed) failed")
    #expect(whole > 0 && partial > 0 && failed > 0)
  }
}
