import Foundation
import GuestScopeGDBStub
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeKernelImage
import GuestScopeLinuxKernel
import TestSupport
import Testing

/// Corrupted guests: an answer or an error within bounds, whatever their memory holds.
///
/// `GUESTSCOPE_FUZZ_ROUNDS` and `GUESTSCOPE_FUZZ_SEED` make a run longer and repeat it.
enum Fuzz {
  static let environment = ProcessInfo.processInfo.environment
  static let rounds = Fuzzing.rounds
  static let seed = Fuzzing.seed
  /// A guest that rests: its counters stand still.
  static let liveGuest = liveFolder.map { "\($0)/x86-6.1" }
  static let liveFolder = environment["GUESTSCOPE_LIVE"]

  /// The gdbserver of a live guest on a port of this machine.
  static func target(_ guest: String) throws -> StubTarget {
    let folder = try #require(liveFolder)
    let text = try String(contentsOfFile: "\(folder)/\(guest)/gdb-port", encoding: .utf8)
    let port = try #require(UInt16(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    return .tcp(host: "127.0.0.1", port: port)
  }

  static let query = BPFProgramQuery(runtime: true, details: true)
  /// What one listing may take: three discoveries with their closing samples, three holds.
  static let mostSamples = 6 * 66 + 3

  /// What became of the rounds.
  struct Tally: CustomStringConvertible {
    var whole = 0
    var partial = 0
    var failed: [String: Int] = [:]
    var description: String {
      let worst = failed.sorted { $0.value > $1.value }.prefix(8)
      return "\(whole) whole, \(partial) partial, failed: "
        + worst.map { "\($0.value) × \($0.key)" }.joined(separator: "; ")
    }
  }

  /// - Parameter finding: how often in so many rounds the kernel is looked for anew.
  static func run(
    _ guest: CorruptibleGuest, _ image: KernelFacts, _ kernel: GuestKernel, rounds: Int,
    finding: Int
  ) -> Tally {
    print("corrupted guests: seed \(seed), \(rounds) rounds")
    var tally = Tally()
    for round in 0..<rounds {
      // A seed a round, so that a round can be repeated alone.
      var random = SplitMix(state: seed &+ UInt64(round))
      let memory = ScriptedMemory(guest.corrupted(using: &random))
      let engine = SnapshotEngine(memory)
      engine.stepLimit = 100_000
      do throws(KernelError) {
        let kernel = round % finding == 0 ? try GuestKernel(image, in: engine) : kernel
        let snapshot = try BPFObjects(kernel, engine).programs(query)
        if snapshot.unreadable.isEmpty { tally.whole += 1 } else { tally.partial += 1 }
        for program in snapshot.value.objects { check(program, round) }
      } catch {
        let kind = "\(error)".filter { !$0.isNumber && !("a"..."f").contains($0) }
        tally.failed[String(kind.prefix(90)), default: 0] += 1
      }
      let comment = Comment(rawValue: "seed \(seed), round \(round)")
      #expect(memory.samples.count <= 2 * mostSamples, comment)
      #expect(memory.samples.joined().allSatisfy(memory.ram.contains), comment)
      #expect(memory.samples.joined().reduce(0) { $0 + $1.count } < 64 << 20, comment)
      #expect(!memory.isHeld && memory.holds == memory.releases, comment)
    }
    return tally
  }

  private static func check(_ program: BPFProgram, _ round: Int) {
    let comment = Comment(rawValue: "seed \(seed), round \(round)")
    #expect(program.name.utf8.count <= 3 * 16, comment)
    #expect((program.details?.mapIDs?.count ?? 0) <= 4096, comment)
    #expect(program.runtime?.nsPerCall.isFinite ?? true, comment)
    #expect((0...1).contains(program.runtime?.missRate ?? 0), comment)
  }
}

@Suite struct CorruptionTests {
  @Test(arguments: KernelTypes.Version.allCases)
  func aCorruptedGuestIsAnsweredOrRefused(version: KernelTypes.Version) throws {
    let guest = SyntheticGuest.sample(.kernel(version)).guest
    let memory = ScriptedMemory(guest.memory)
    let image = try guest.image()
    let kernel = try GuestKernel(image, in: SnapshotEngine(memory))
    _ = try BPFObjects(kernel, SnapshotEngine(memory)).programs(Fuzz.query)
    let corruptible = try CorruptibleGuest(guest.memory, read: Array(memory.samples.joined()))
    let tally = Fuzz.run(corruptible, image, kernel, rounds: Fuzz.rounds, finding: 3)
    print("corrupted synthetic guest: \(tally)")
    // Damage that nobody notices, or that spoils everything, would test little.
    #expect(tally.whole > 0 && tally.partial > 0 && !tally.failed.isEmpty)
  }

  @Test(
    .enabled(
      if: Fuzz.liveGuest.map(FileManager.default.fileExists(atPath:)) ?? false,
      "set GUESTSCOPE_LIVE to a folder of guests that run, x86-6.1 among them"))
  func aCorruptedRealGuestIsAnsweredOrRefused() throws {
    let guest = try #require(Fuzz.liveGuest)
    let image = try KernelFacts(path: "\(guest)/kernel")
    let recording = RecordingMemory(try QEMUStub(try Fuzz.target("x86-6.1")))
    let live = try BPFObjects(recording, kernel: image).programs(Fuzz.query)
    #expect(live.unreadable.isEmpty && !live.value.objects.isEmpty)

    // What was recorded plays back to the same answer.
    let memory = recording.memory
    let replay = ScriptedMemory(memory)
    let kernel = try GuestKernel(image, in: SnapshotEngine(replay))
    let replayed = try BPFObjects(kernel, SnapshotEngine(replay)).programs(Fuzz.query)
    #expect(replayed.value.objects.map(\.name) == live.value.objects.map(\.name))
    #expect(replayed.value.objects.map(\.runtime) == live.value.objects.map(\.runtime))

    let corruptible = try CorruptibleGuest(memory, read: Array(replay.samples.joined()))
    let tally = Fuzz.run(corruptible, image, kernel, rounds: Fuzz.rounds, finding: 100)
    print("corrupted real guest: \(tally)")
    #expect(tally.partial > 0)
  }
}
