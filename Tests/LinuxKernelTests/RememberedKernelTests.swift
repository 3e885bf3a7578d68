import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelImage
import TestSupport
import Testing

@testable import GuestScopeLinuxKernel

/// A kernel that one session has found, for the next one.
@Suite struct RememberedKernelTests {
  /// What a session leaves: the kernel, and the memory that its answers were made of.
  private struct Record {
    var kernel: RememberedKernel
    var guide: RememberedMemory
    var facts: KernelFacts
  }

  private func leave(_ guest: SyntheticGuest) throws -> Record {
    let facts = try guest.image()
    let engine = SnapshotEngine(ScriptedMemory(guest.memory))
    let kernel = try GuestKernel(facts, in: engine)
    _ = try ids(kernel, engine)
    return Record(
      kernel: try #require(kernel.remembered), guide: engine.remembered, facts: facts)
  }

  private static func guest() -> SyntheticGuest {
    let guest = SyntheticGuest()
    for id in [3, 66, 70_000] as [UInt64] { guest.add(SyntheticProgram(id: id, name: "p\(id)")) }
    guest.writeIDR()
    return guest
  }

  /// The ids of all programs.
  private func ids(_ kernel: GuestKernel, _ engine: SnapshotEngine) throws -> [UInt64] {
    let table = IDR(at: try kernel.address(of: "prog_idr"), try IDR.Layout(kernel.btf))
    return try kernel.snapshot(engine) { walk throws(ReadFault) in
      try table.compactMap(in: walk.view) { $0.index }
    }.value
  }

  private func recall(
    _ record: Record, _ memory: any GuestMem
  ) throws -> (kernel: GuestKernel, engine: SnapshotEngine) {
    let engine = SnapshotEngine(memory)
    let kernel = try #require(
      GuestKernel(recalling: record.kernel, record.facts, guide: record.guide, in: engine))
    return (kernel, engine)
  }

  // MARK: Recalled

  @Test func theFirstAnswerTakesOneStop() throws {
    let guest = Self.guest()
    let record = try leave(guest)
    let memory = ScriptedMemory(guest.memory)
    let (kernel, engine) = try recall(record, memory)
    #expect(memory.samples.isEmpty && !kernel.isProven)
    #expect(try ids(kernel, engine) == [3, 66, 70_000])
    #expect(memory.samples.count == 1)
    // Its registers show that the kernel lives, and its memory that it is this one.
    #expect(memory.registers[0].contains(RegisterKey(cpu: 0, name: "gs_base")))
    for stretch in record.kernel.seen.stretches {
      #expect(
        memory.samples[0].contains {
          $0.start <= stretch.start && stretch.start + stretch.bytes.count <= $0.end
        })
    }
    let found = try GuestKernel(record.facts, in: SnapshotEngine(guest.memory))
    #expect(kernel.textBase == found.textBase && kernel.slide == found.slide)
    #expect(kernel.variables == found.variables && kernel.cpuIDs == found.cpuIDs)
    #expect(kernel.addressSpace.tables == found.addressSpace.tables)
    #expect(kernel.addressSpace.pageOffset == found.addressSpace.pageOffset)
    #expect(kernel.buildID == found.buildID && kernel.banner == found.banner)
  }

  /// The guest did something else than the next session expects.
  @Test(arguments: [
    "__start_notes", "linux_banner", "phys_base", "page_offset_base", "nr_cpu_ids",
    "__per_cpu_offset", "panic_cpu", "elfcorehdr_addr",
  ])
  func memoryThatHasChangedIsAnotherKernels(symbol: String) throws {
    let guest = Self.guest()
    let record = try leave(guest)
    // A byte, of which nothing but the whole says that it is wrong.
    let place = guest.place(symbol)
    let old = guest.ram.bytes[Int(place.rawValue)]
    guest.ram.write(old ^ 1, at: place)
    let memory = ScriptedMemory(guest.memory)
    let (kernel, engine) = try recall(record, memory)
    let error = #expect(throws: SnapshotError.self) { try snapshot(kernel, engine) }
    #expect(KernelError.snapshot(try #require(error)).isAnotherKernel, "\(error as Any)")
  }

  private func snapshot(
    _ kernel: GuestKernel, _ engine: SnapshotEngine
  ) throws(SnapshotError) -> Int {
    try kernel.snapshot(engine) { walk throws(ReadFault) in try walk.cpus.count }.value
  }

  @Test(arguments: [0, 0xffff_8880_dead_0000] as [UInt64])
  func registersOfAnotherBootAreAnotherKernels(base: UInt64) throws {
    let guest = Self.guest()
    let record = try leave(guest)
    // The memory of the boot before lies there as it was.
    guest.registers["gs_base"] = base
    let (kernel, engine) = try recall(record, ScriptedMemory(guest.memory))
    let error = #expect(throws: SnapshotError.self) { try snapshot(kernel, engine) }
    #expect(KernelError.snapshot(try #require(error)).isAnotherKernel)
  }

  @Test func anotherBootOfTheSameKernelIsAnotherKernel() throws {
    let record = try leave(Self.guest())
    let other = SyntheticGuest(slide: 0x2a00_0000)
    other.writeIDR()
    let (kernel, engine) = try recall(record, ScriptedMemory(other.memory))
    let error = #expect(throws: SnapshotError.self) { try snapshot(kernel, engine) }
    #expect(KernelError.snapshot(try #require(error)).isAnotherKernel)
  }

  @Test func whatTheGuestHasDoneSinceIsSeen() throws {
    let guest = Self.guest()
    let record = try leave(guest)
    guest.add(SyntheticProgram(id: 71_000, name: "new"))
    guest.programs[3] = nil
    guest.writeIDR()
    let (kernel, engine) = try recall(record, ScriptedMemory(guest.memory))
    #expect(try ids(kernel, engine) == [66, 70_000, 71_000])
  }

  // MARK: What is not remembered

  @Test func aGuestThatHasCrashedIsNotRemembered() throws {
    let guest = Self.guest()
    guest.ram.write(1 as UInt32, at: guest.place("panic_cpu"))
    let kernel = try GuestKernel(try guest.image(), in: SnapshotEngine(guest.memory))
    #expect(kernel.panicCPU == 1 && kernel.remembered == nil)
    let crash = Self.guest()
    crash.ram.write(0x1000 as UInt64, at: crash.place("elfcorehdr_addr"))
    let other = try GuestKernel(try crash.image(), in: SnapshotEngine(crash.memory))
    #expect(other.isCrashKernel && other.remembered == nil)
  }

  @Test func theKernelOfOneVCPUIsNotRemembered() throws {
    let guest = Self.guest()
    let engine = SnapshotEngine(guest.memory)
    #expect(try GuestKernel(try guest.image(), in: engine, vcpu: 0).remembered == nil)
    #expect(try GuestKernel(try guest.image(), in: engine).remembered != nil)
  }

  // MARK: Bytes

  private func bytes(_ kernel: RememberedKernel) -> [UInt8] {
    var record = RecordWriter()
    kernel.write(to: &record)
    return record.bytes
  }

  private func read(_ bytes: [UInt8]) throws(RecordReader.End) -> RememberedKernel {
    var record = RecordReader(bytes)
    let kernel = try RememberedKernel(from: &record)
    guard record.isAtEnd else { throw RecordReader.End() }
    return kernel
  }

  @Test func itIsTheSameAfterAFile() throws {
    let guest = Self.guest()
    var record = try leave(guest)
    let whole = bytes(record.kernel)
    record.kernel = try read(whole)
    #expect(bytes(record.kernel) == whole)
    let memory = ScriptedMemory(guest.memory)
    let (kernel, engine) = try recall(record, memory)
    #expect(try ids(kernel, engine) == [3, 66, 70_000])
    #expect(memory.samples.count == 1)
  }

  @Test func anArm64KernelIsTheSameAfterAFile() throws {
    let guest = SyntheticArm64Guest()
    let facts = try guest.image()
    let first = SnapshotEngine(guest.memory)
    let kernel = try GuestKernel(facts, in: first)
    #expect(try snapshot(kernel, first) == 2)
    let guide = first.remembered
    let whole = bytes(try #require(kernel.remembered))
    let again = try read(whole)
    #expect(bytes(again) == whole)
    let memory = ScriptedMemory(guest.memory)
    let engine = SnapshotEngine(memory)
    let recalled = try #require(
      GuestKernel(recalling: again, facts, guide: guide, in: engine))
    #expect(try snapshot(recalled, engine) == 2)
    #expect(memory.samples.count == 1)
    guest.registers["TTBR1_EL1"] = 0x4123_4000
    let other = SnapshotEngine(ScriptedMemory(guest.memory))
    let dead = try #require(
      GuestKernel(recalling: again, facts, guide: RememberedMemory(), in: other))
    let error = #expect(throws: SnapshotError.self) { try snapshot(dead, other) }
    #expect(KernelError.snapshot(try #require(error)).isAnotherKernel)
  }

  @Test func noPartOfAFileIsAFile() throws {
    let whole = bytes(try leave(Self.guest()).kernel)
    for count in whole.indices {
      #expect(throws: RecordReader.End.self) { try read(Array(whole.prefix(count))) }
    }
    #expect(throws: RecordReader.End.self) { try read(whole + [0]) }
  }

  /// A file that passes for one, of whatever contents, gives the answer or another kernel.
  @Test func damagedFilesNeverMislead() throws {
    let seed = UInt64.random(in: 0 ... .max)
    print("seed of damagedFilesNeverMislead: \(seed)")
    var random = SplitMix(state: seed)
    let guest = Self.guest()
    let record = try leave(guest)
    let whole = bytes(record.kernel)
    var answers = 0
    for _ in 0..<100 {
      var damaged = whole
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        damaged[.random(in: damaged.indices, using: &random)] = .random(
          in: .min ... .max, using: &random)
      }
      guard let kernel = try? read(damaged) else { continue }
      let memory = ScriptedMemory(guest.memory)
      let engine = SnapshotEngine(memory)
      engine.stepLimit = 100_000
      guard
        let recalled = GuestKernel(
          recalling: kernel, record.facts, guide: record.guide, in: engine)
      else { continue }
      if (try? ids(recalled, engine)) != nil { answers += 1 }
      #expect(memory.samples.joined().allSatisfy(memory.ram.contains))
    }
    #expect(answers < 100)
  }
}
