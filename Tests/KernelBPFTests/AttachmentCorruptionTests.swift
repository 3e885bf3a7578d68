import Foundation
import GuestScopeGDBStub
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeKernelImage
import GuestScopeLinuxKernel
import TestSupport
import Testing

/// Damaged attachments: an answer or an error within bounds, whatever the memory holds that leads to
/// cgroups, devices and files.
@Suite struct AttachmentCorruptionTests {
  /// With lists of programs and of filters, with arrays of tcx and netkit, and with xarrays of devices.
  static let guests = ["x86-5.10", "x86-6.1", "x86-6.12", "x86-6.12-la57", "x86-7"].filter {
    guest in
    Fuzz.liveFolder.map { FileManager.default.fileExists(atPath: "\($0)/\(guest)/gdb-port") }
      ?? false
  }

  /// What the three walks find, and how many objects they could not read.
  private static func walk(
    _ kernel: GuestKernel, _ engine: SnapshotEngine, _ kind: Int
  ) throws(KernelError) -> (found: Int, unreadable: Int) {
    let bpf = BPFObjects(kernel, engine)
    switch kind {
    case 0:
      let snapshot = try bpf.cgroups(CgroupQuery())
      return (snapshot.value?.reduce(0) { $0 + $1.programs.count } ?? 0, snapshot.unreadable.count)
    case 1:
      let snapshot = try bpf.cgroups(CgroupQuery(isEffective: true))
      return (snapshot.value?.reduce(0) { $0 + $1.programs.count } ?? 0, snapshot.unreadable.count)
    case 2:
      let snapshot = try bpf.networkAttachments()
      return (
        snapshot.value.reduce(0) { $0 + $1.xdp.count + $1.trafficControl.count },
        snapshot.unreadable.count
      )
    default:
      let snapshot = try bpf.perfAttachments()
      return (snapshot.value.count, snapshot.unreadable.count)
    }
  }

  @Test func aDamagedHierarchyIsAnsweredOrRefused() throws {
    let cgroups = CgroupGuest()
    let outer = cgroups.add("outer", hash: 3, to: cgroups.root)
    let inner = cgroups.add("inner", hash: 4, to: outer)
    for index in 0..<4 { _ = cgroups.add("c\(index)", hash: UInt32(index), to: inner) }
    let programs = (1...4).map { cgroups.program($0) }
    cgroups.attach(programs, linked: [programs[1]], flags: 2, to: outer, 0)
    cgroups.attach([programs[2]], flags: 0, to: inner, 2)
    cgroups.guest.writeIDR()
    let image = try cgroups.guest.image()
    let recorded = ScriptedMemory(cgroups.guest.memory)
    let kernel = try GuestKernel(image, in: SnapshotEngine(recorded))
    _ = try Self.walk(kernel, SnapshotEngine(recorded), 0)
    let guest = try CorruptibleGuest(
      cgroups.guest.memory, read: Array(recorded.samples.joined()))
    let counts = Self.damage(guest, kernel, kinds: [0, 1], rounds: Fuzz.rounds, mostObjects: 64)
    print("damaged hierarchies: \(counts)")
    #expect(counts.whole > 0 && counts.partial > 0)
  }

  @Test(
    .enabled(if: !guests.isEmpty, "set GUESTSCOPE_LIVE to a folder of guests that run"),
    arguments: guests)
  func aDamagedRealGuestIsAnsweredOrRefused(guest: String) throws {
    let image = try KernelFacts(path: "\(try #require(Fuzz.liveFolder))/\(guest)/kernel")
    let recording = RecordingMemory(try QEMUStub(try Fuzz.target(guest)))
    let engine = SnapshotEngine(recording)
    let kernel = try GuestKernel(image, in: engine)
    let found = try (0..<4).map { try Self.walk(kernel, engine, $0).found }
    let memory = recording.memory
    let replay = ScriptedMemory(memory)
    for kind in 0..<4 {
      // What was recorded plays back to the same answer.
      #expect(try Self.walk(kernel, SnapshotEngine(replay), kind).found == found[kind])
    }
    let corruptible = try CorruptibleGuest(memory, read: Array(replay.samples.joined()))
    let counts = Self.damage(
      corruptible, kernel, kinds: [0, 1, 2, 3], rounds: max(Fuzz.rounds / 16, 12),
      mostObjects: 1 << 12)
    print("damaged attachments of \(guest): \(counts)")
    #expect(counts.partial > 0)
  }

  private static func damage(
    _ guest: CorruptibleGuest, _ kernel: GuestKernel, kinds: [Int], rounds: Int, mostObjects: Int
  ) -> (whole: Int, partial: Int, failed: Int) {
    print("damaged attachments: seed \(Fuzz.seed), \(rounds) rounds")
    var counts = (whole: 0, partial: 0, failed: 0)
    for round in 0..<rounds {
      // A seed a round, so that a round can be repeated alone.
      var random = SplitMix(state: Fuzz.seed &+ UInt64(round))
      let corrupted = guest.corrupted(using: &random)
      for kind in kinds {
        let memory = ScriptedMemory(corrupted)
        let engine = SnapshotEngine(memory)
        engine.stepLimit = 400_000
        let comment = Comment(rawValue: "seed \(Fuzz.seed), round \(round), walk \(kind)")
        do throws(KernelError) {
          let answer = try walk(kernel, engine, kind)
          if answer.unreadable == 0 { counts.whole += 1 } else { counts.partial += 1 }
          #expect(answer.found <= mostObjects, comment)
        } catch {
          counts.failed += 1
        }
        // Lists have more waves than usual.
        #expect(memory.samples.count <= 8 * Fuzz.mostSamples, comment)
        #expect(memory.samples.joined().reduce(0) { $0 + $1.count } < 64 << 20, comment)
        #expect(!memory.isHeld, comment)
      }
    }
    return counts
  }
}
