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
    _ bpf: BPFObjects, _ kind: Int
  ) throws(KernelError) -> (found: Int, unreadable: Int) {
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
    try Damaged.check(cgroups.guest, "hierarchies", mostFound: 64) { bpf throws(KernelError) in
      let snapshot = try bpf.cgroups(CgroupQuery())
      return (snapshot.value?.reduce(0) { $0 + $1.programs.count } ?? 0, snapshot.unreadable.count)
    }
  }

  @Test(
    .enabled(if: !guests.isEmpty, "set GUESTSCOPE_LIVE to a folder of guests that run"),
    arguments: guests)
  func aDamagedRealGuestIsAnsweredOrRefused(guest: String) throws {
    let image = try KernelFacts(path: "\(try #require(Fuzz.liveFolder))/\(guest)/kernel")
    let recording = RecordingMemory(try QEMUStub(try Fuzz.target(guest)))
    let engine = SnapshotEngine(recording)
    let kernel = try GuestKernel(image, in: engine)
    let found = try (0..<4).map { try Self.walk(BPFObjects(kernel, engine), $0).found }
    let memory = recording.memory
    let replay = ScriptedMemory(memory)
    for kind in 0..<4 {
      // What was recorded plays back to the same answer.
      let bpf = BPFObjects(kernel, SnapshotEngine(replay))
      #expect(try Self.walk(bpf, kind).found == found[kind])
    }
    let corruptible = try CorruptibleGuest(memory, read: Array(replay.samples.joined()))
    for kind in 0..<4 {
      try Damaged.check(
        corruptible, kernel, "\(guest), walk \(kind)", rounds: max(Fuzz.rounds / 16, 12),
        mostFound: 1 << 12
      ) { bpf throws(KernelError) in try Self.walk(bpf, kind) }
    }
  }
}
