import TestSupport
import Testing

@testable import GuestScopeRemoteProtocol

private let pcRAM = MemoryBackends(monitorText: "memory backend: pc.ram\n")
private let none = MemoryBackends(monitorText: "")

@Test(
  arguments: [
    ("VM status: running\n", .running),
    ("VM status: paused\n", .paused(reason: nil)),
    ("VM status: paused (prelaunch)\r\n", .paused(reason: "prelaunch")),
    ("VM status: paused (guest-panicked)", .paused(reason: "guest-panicked")),
    // QEMU up to 8.0 with -singlestep.
    ("VM status: running (single step mode)\n", .running),
    ("VM status: paused (single step mode)\n", .paused(reason: nil)),
    ("VM status: paused (single step mode) (io-error)\n", .paused(reason: "io-error")),
    ("", nil), ("VM status: ", nil), ("VM status: asleep", nil), ("running", nil),
    ("unknown command: 'info status'\n", nil),
  ] as [(String, RunStatus?)])
func runStatus(text: String, status: RunStatus?) {
  #expect(RunStatus(monitorText: text) == status)
}

@Test func qemuVersion() {
  let debian = QEMUVersion(monitorText: "7.2.22Debian 1:7.2+dfsg-7+deb12u18+b3\r\n")
  #expect(debian?.major == 7)
  #expect(debian?.minor == 2)
  #expect(debian?.text == "7.2.22Debian 1:7.2+dfsg-7+deb12u18+b3")
  #expect(QEMUVersion(monitorText: "10.0.2\n")?.major == 10)
  #expect(QEMUVersion(monitorText: "11.1rc2\n")?.minor == 1)
  for text in ["", "\n", "7", "7.", "x.2", "-7.2", "99999999999999999999.0.0", "unknown command"] {
    #expect(QEMUVersion(monitorText: text) == nil, "\(text)")
  }
}

@Test func hostThreads() {
  #expect(
    HostThread.list(monitorText: "* CPU #0: thread_id=4613\r\n  CPU #1: thread_id=4614\r\n")
      == [HostThread(cpu: 0, id: 4613), HostThread(cpu: 1, id: 4614)])
  #expect(
    HostThread.list(
      monitorText: "CPU #9223372036854775807: thread_id=3\nCPU #8192: thread_id=4\n"
        + "CPU\nCPU #0:\nCPU #x: thread_id=1\nCPU #1: thread_id=\nCPU #-1: thread_id=2\n"
    ).isEmpty)
}

@Test func ramAboveFourGiBIsTheRestOfTheRAMBelow() throws {
  let memory = try #require(SystemMemory(monitorText: MemoryTreeText.q35))
  // The firmware's copies are `rom`; the last region of the view begins where the first half ends.
  #expect(
    memory.ram(of: pcRAM) == [
      0..<0xc_0000, 0x10_0000..<0x8000_0000, 0x1_0000_0000..<0x2_0000_0000,
    ])
  #expect(
    memory.regions.last
      == SystemMemory.Region(
        addresses: 0x1_0000_0000..<0x2_0000_0000, kind: "ram", name: "pc.ram", offset: 0x8000_0000))
  #expect(memory.regions.map(\.kind).filter { $0 == "rom" }.count == 3)
}

@Test func neighboursAreJoined() throws {
  let memory = try #require(SystemMemory(monitorText: MemoryTreeText.microvm))
  // Here the firmware is RAM to QEMU, and touches two pieces of the guest's own.
  #expect(
    memory.ram(of: MemoryBackends(monitorText: "memory backend: microvm.ram\r\n")) == [
      0..<0xf_0000, 0x10_0000..<0xc000_0000, 0x1_0000_0000..<0x1_c000_0000,
    ])
  #expect(memory.ram(of: none) == [0..<0xc000_0000, 0xffff_0000..<0x1_c000_0000])
}

@Test func secureMemoryIsAnotherView() throws {
  let memory = try #require(SystemMemory(monitorText: MemoryTreeText.secureVirt))
  // Flash (`romd`) is a device, and `virt.secure-ram` at 0xe000000 is not in this view.
  #expect(memory.ram(of: none) == [0x4000_0000..<0x6000_0000])
  #expect(memory.regions.contains { $0.kind == "romd" && $0.name == "virt.flash1" })
  #expect(!memory.regions.contains { $0.name == "virt.secure-ram" })
}

@Test func lineEndsDoNotMatter() {
  let text = MemoryTreeText.q35.split(separator: "\n", omittingEmptySubsequences: false)
  #expect(
    SystemMemory(monitorText: text.joined(separator: "\r\n"))
      == SystemMemory(monitorText: MemoryTreeText.q35))
}

/// The view of a guest that has booted: QEMU 7.2, `-M q35,nvdimm=on -vga std`, shortened.
@Test func kindsOfMemory() throws {
  let memory = try #require(
    SystemMemory(
      monitorText: """
        FlatView #0
         AS "vga", root: bus master container
         AS "/machine/memory", root: system, alias x
         Root memory region: system
          0000000000000000-000000000009ffff (prio 0, ram): pc.ram
          00000000000cd000-00000000000e7fff (prio 0, rom): pc.ram @00000000000cd000
          00000000000e8000-00000000000effff (ram): pc.ram @00000000000e8000 KVM
          00000000fd000000-00000000fdffffff (prio 1, ram): vga.vram
          0000000100000000-0000000103ffffff (prio 0, nv-ram): my dimm (1) @2 @0000000000001000
          0000000200000000-0000000200000fff (prio 0, ramd): 0000:00:02.0 BAR 0 mmaps[0]
          fffffffffffff000-ffffffffffffffff (prio 0, ram): top

        FlatView #1
         AS "cpu-memory-0", root: system
          0000000300000000-0000000300000fff (prio 0, ram): other
        """))
  #expect(
    memory.ram(of: none) == [
      0..<0xa_0000, 0xe_8000..<0xf_0000, 0xfd00_0000..<0xfe00_0000,
      0x1_0000_0000..<0x1_0400_0000, 0xffff_ffff_ffff_f000..<0xffff_ffff_ffff_ffff,
    ])
  // Video memory and what else has no backend is none of the machine's RAM.
  #expect(memory.ram(of: pcRAM) == [0..<0xa_0000, 0xe_8000..<0xf_0000])
  let dimm = memory.regions[4]
  #expect(dimm.name == "my dimm (1) @2")
  #expect(dimm.offset == 0x1000)
}

/// What names real QEMUs (5.2 to 11.1) give to regions of backends: the id, the object's path on
/// machines up to 3.1, and under KVM more behind either.
@Test(
  arguments: [
    "foo", "foo @0000000000100000", "/objects/foo", "/objects/foo @0000000000100000", "foo KVM",
    "foo @0000000000100000 KVM", "/objects/foo KVM",
  ])
func regionsOfABackendAreRAM(name: String) throws {
  let memory = try #require(
    SystemMemory(
      monitorText: """
         AS "memory", root: system
          0000-1fff (prio 0, ram): \(name)
          4000-4fff (prio 1, ram): vga.vram
          5000-5fff (prio 1, ram): foo.vram
          6000-6fff (prio 1, ram): /rom@etc/foo
          7000-7fff (prio 0, rom): foo
          8000-8fff (prio 0, nv-ram): m1
        """))
  let backends = MemoryBackends(
    monitorText: """
      memory backend: m1\r
        size:  67108864\r
        policy: default\r
        host nodes: \r
      memory backend: foo\r
        size:  134217728\r
      """)
  #expect(backends.ids == ["m1", "foo"])
  #expect(memory.ram(of: backends) == [0..<0x2000, 0x8000..<0x9000])
}

/// QEMU before 5.0 counts them, and only those of `-object`.
@Test func backendsWithoutNamesSayNothing() throws {
  let memory = try #require(
    SystemMemory(
      monitorText: " AS \"memory\", root: system\n  0-fff (prio 0, ram): pc.ram\n"))
  for text in ["", "memory backend: 0\n", "unknown command: 'info memdev'\n"] {
    #expect(memory.ram(of: MemoryBackends(monitorText: text)) == [0..<0x1000])
  }
}

@Test func withoutASystemViewThereIsNoMap() {
  #expect(SystemMemory(monitorText: "") == nil)
  #expect(SystemMemory(monitorText: "unknown command: 'info mtree -f'\n") == nil)
  #expect(SystemMemory(monitorText: "FlatView #0\n AS \"I/O\", root: io\n") == nil)
  let empty = SystemMemory(monitorText: "FlatView #0\n AS \"memory\", root: system\n")
  #expect(empty?.ram(of: none) == [])
}

@Test(
  arguments: [
    "", "(prio 0, ram): pc.ram", "0-f prio 0, ram): x", "0-f (prio 0, ram", "f-0 (prio 0, ram): x",
    "0 (prio 0, ram): x", "0-1-2 (prio 0, ram): x", "-1-f (prio 0, ram): x", "0-g (prio 0, ram): x",
    "0-ffffffffffffffff0 (prio 0, ram): x", "0-f (prio 0, ram): x @zz",
    "ffffffffffffffff-ffffffffffffffff (prio 0, ram): x", "0-f ) (x",
  ])
func linesThatAreNoRegionAreLeftOut(line: String) {
  let memory = SystemMemory(
    monitorText: " AS \"memory\", root: system\n  \(line)\n  10-1f (prio 0, ram): y\n")
  #expect(memory?.ram(of: none) == [0x10..<0x20])
}

@Test func overlapsAreJoined() {
  let memory = SystemMemory(
    monitorText: """
       AS "memory", root: system
        3000-4fff (prio 0, ram): b
        1000-3fff (prio 0, ram): a
        2000-2fff (prio 0, ram): c
        6000-6fff (prio 0, ram): d
      """)
  #expect(memory?.ram(of: none) == [0x1000..<0x5000, 0x6000..<0x7000])
}

/// Real text with damage: the map stays in order and apart.
@Test(arguments: seeds)
func anyTextIsSurvived(seed: UInt64) {
  var random = SplitMix(state: seed)
  let texts = [MemoryTreeText.q35, MemoryTreeText.microvm, MemoryTreeText.secureVirt]
  for _ in 0..<25 {
    var text = ascii(texts.randomElement(using: &random)!)
    for _ in 0..<Int.random(in: 1...100, using: &random) {
      let byte = ascii("0f-(),:@ \n\r\"#x\u{e9}").randomElement(using: &random)!
      text[Int.random(in: 0..<text.count, using: &random)] = byte
    }
    let string = String(decoding: text, as: UTF8.self)
    let ram = SystemMemory(monitorText: string)?.ram(of: pcRAM) ?? []
    #expect(zip(ram, ram.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound })
    _ = RunStatus(monitorText: string)
    _ = QEMUVersion(monitorText: string)
    _ = HostThread.list(monitorText: string)
    _ = MemoryBackends(monitorText: string)
  }
}
