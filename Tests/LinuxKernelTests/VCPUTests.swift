import GuestScopeGuestMemory
import GuestScopeKernelImage
import TestSupport
import Testing

@testable import GuestScopeLinuxKernel

/// Guests whose vCPUs are not all in one kernel.
@Suite struct VCPUTests {
  /// A kernel that crashed and, higher in the same RAM, the crash kernel: another boot of the same
  /// build, with one CPU.
  private let crashed: SyntheticGuest
  private let crash: SyntheticGuest

  init() {
    crashed = SyntheticGuest(cpus: 4, ramBytes: 2 << 20)
    crash = SyntheticGuest(cpus: 1, in: crashed.ram, slide: 0x2_0000_0000 >> 4)
    crash.ram.write(0x1234_5000 as UInt64, at: crash.place("elfcorehdr_addr"))
  }

  /// The registers of a vCPU that is in a kernel as a CPU of it.
  private func registers(_ guest: SyntheticGuest, cpu: Int = 0) -> [String: UInt64] {
    guest.registers.merging(["gs_base": guest.perCPUOffset(cpu)]) { $1 }
  }

  private func find(
    _ vcpus: [[String: UInt64]], _ image: KernelFacts? = nil, vcpu: Int? = nil
  ) throws -> GuestKernel {
    let memory = crashed.ram.memory(vcpus: vcpus)
    return try GuestKernel(try image ?? crashed.image(), in: SnapshotEngine(memory), vcpu: vcpu)
  }

  // MARK: Choosing

  @Test(arguments: [0, 1, 3])
  func theKernelThatCrashedIsChosenWhereverItsVCPUIs(vcpu: Int) throws {
    crashed.ram.write(UInt32(0), at: crashed.place("panic_cpu"))
    // More vCPUs are in the other one.
    var vcpus = [[String: UInt64]](repeating: registers(crash), count: 4)
    vcpus[vcpu] = registers(crashed, cpu: vcpu)
    let kernel = try find(vcpus)
    #expect(kernel.textBase.rawValue == crashed.textBase)
    #expect(kernel.panicCPU == 0)
    #expect(!kernel.isCrashKernel)
    #expect(kernel.watchedCPU == vcpu)
    for (id, place) in kernel.vcpus.map({ ($0.id, $0.place) }) {
      #expect(
        place
          == (id == vcpu
            ? .kernel
            : .anotherKernel(
              release: "6.1.0-test", textBase: KernelVirtualAddress(crash.textBase))))
    }
  }

  @Test func withoutACrashTheKernelOfMostVCPUsIsChosen() throws {
    let few = registers(crashed)
    let many = registers(crash)
    #expect(try find([few, many, many]).textBase.rawValue == crash.textBase)
    #expect(try find([many, few, few]).textBase.rawValue == crashed.textBase)
    #expect(try find([few, many]).textBase.rawValue == crashed.textBase)
  }

  @Test func aPanicWithoutAnotherKernelChangesNothing() throws {
    crashed.ram.write(UInt32(1), at: crashed.place("panic_cpu"))
    let kernel = try find([registers(crashed), registers(crashed, cpu: 1)])
    #expect(kernel.panicCPU == 1)
    #expect(kernel.vcpus.map(\.place) == [.kernel, .kernel])
  }

  @Test func aVCPUThatIsNamedDecides() throws {
    crashed.ram.write(UInt32(0), at: crashed.place("panic_cpu"))
    let vcpus = [registers(crash), registers(crashed, cpu: 1)]
    #expect(try find(vcpus, vcpu: 0).isCrashKernel)
    #expect(try find(vcpus, vcpu: 1).textBase.rawValue == crashed.textBase)
    let error = #expect(throws: KernelError.self) { try find(vcpus, vcpu: 2) }
    #expect("\(try #require(error))" == "the guest has no vCPU 2: its vCPUs are 0, 1")
  }

  @Test func aCrashKernelOfAnotherBuildIsNotInTheWay() throws {
    let ids: [UInt8] = (100..<120).map { $0 }
    crash.ram.write(ids, at: crash.place("__start_notes") + 16)
    let banner = SyntheticGuest.banner.replacing("6.1.0-test", with: "5.10.0-kdump")
    crash.ram.write(Array((banner + "\n").utf8) + [0], at: crash.place("linux_banner"))
    let vcpus = [registers(crash), registers(crashed, cpu: 1)]
    let kernel = try find(vcpus)
    #expect(kernel.textBase.rawValue == crashed.textBase)
    #expect(
      kernel.vcpus[0].place
        == .anotherKernel(
          release: "5.10.0-kdump", textBase: KernelVirtualAddress(crash.textBase)))
    // The file says which of them is meant, unless a vCPU is named.
    let other = try crash.image(banner: banner, buildID: ids)
    #expect(try find(vcpus, other).isCrashKernel)
    #expect(throws: KernelError.self) { try find(vcpus, other, vcpu: 1) }
    #expect(throws: KernelError.self) { try find(vcpus, vcpu: 0) }
  }

  // MARK: A vCPU that is elsewhere

  typealias Elsewhere = @Sendable (SyntheticGuest, inout [String: UInt64]) -> Void

  static let elsewhere: [(String, Elsewhere)] = [
    ("firmware", { $1 = ["cr0": 0x6000_0010] }),
    ("system management mode", { $1.merge(["cr0": 0x32, "efer": 0, "gs_base": 0]) { $1 } }),
    ("32-bit mode", { $1.merge(["efer": 0, "gs_base": 0]) { $1 } }),
    (
      "a decompressor",
      { $1.merge(["cr3": $0.ram.allocatePage().rawValue, "gs_base": 0, "rip": 0x10_0000]) { $1 } }
    ),
    (
      "another system",
      {
        $1.merge(["cr3": $0.ram.allocatePage().rawValue, "gs_base": 0xffff_f801_0000_0000]) { $1 }
      }
    ),
    ("a guest's guest", { $1.merge(["cr3": 7 << 40, "gs_base": 0xffff_8880_1234_0000]) { $1 } }),
    (
      "a kernel in its early boot",
      { guest, registers in
        let early = SyntheticGuest(cpus: 1, in: guest.ram, slide: 0x800_0000)
        early.tables.map(
          pages: 16, from: early.textBase, to: early.imagePhysical.rawValue, executable: true)
        registers = early.registers
      }
    ),
  ]

  @Test(arguments: elsewhere.indices)
  func whateverAVCPUIsInAnotherShowsTheKernel(index: Int) throws {
    var away = registers(crashed)
    Self.elsewhere[index].1(crashed, &away)
    let home = registers(crashed, cpu: 1)
    let image = try crashed.image()
    for (vcpus, id) in [([away, home], 0), ([home, away], 1), ([away, away, home], 0)] {
      let guest = crashed.ram.memory(vcpus: vcpus)
      let engine = SnapshotEngine(guest)
      let kernel = try GuestKernel(image, in: engine)
      #expect(kernel.textBase.rawValue == crashed.textBase)
      for vcpu in kernel.vcpus {
        #expect((vcpu.place == .kernel) == (vcpus[vcpu.id] == home), "\(Self.elsewhere[index].0)")
      }
      #expect(kernel.vcpus[id].id == id)
      #expect(
        try kernel.snapshot(engine) { walk throws(ReadFault) in try walk.cpus.count }.value == 4)
      // Alone, or asked for, it has no kernel to show.
      #expect(throws: KernelError.self) {
        try GuestKernel(image, in: engine, vcpu: id)
      }
    }
  }

  /// With page-table isolation a process's tables map the entry text alone.
  @Test func aVCPUInAProcessIsInItsKernel() throws {
    let user = PageTableBuilder(.x86(fiveLevel: false), in: crashed.ram)
    crashed.mapImage(in: user, onlyText: true)
    let process: [String: UInt64] = crashed.registers.merging([
      "cr3": user.root.rawValue | 0x1000, "rip": 0x40_1000, "gs_base": 0x7f00_1234,
      "k_gs_base": crashed.perCPUOffset(1),
    ]) { $1 }
    for vcpus in [[process, registers(crashed)], [registers(crashed), process]] {
      #expect(try find(vcpus).vcpus.map(\.place) == [.kernel, .kernel])
    }
  }

  @Test func onArm64AsWell() throws {
    let guest = SyntheticArm64Guest()
    let home = guest.registers.merging(["TPIDR_EL1": guest.perCPUOffset(1)]) { $1 }
    let empty = guest.ram.allocatePage().rawValue
    func spoilt(_ values: [String: UInt64]) -> [String: UInt64] {
      guest.registers.merging(values) { $1 }
    }
    let elsewhere: [[String: UInt64]] = [
      ["SCTLR_EL1": 0], spoilt(["TTBR1_EL1": empty, "TPIDR_EL1": 0]),
      spoilt(["TCR_EL1": 0, "TPIDR_EL1": 0]), spoilt(["TTBR1_EL1": 0x1000, "TPIDR_EL1": 5]),
    ]
    for away in elsewhere {
      for vcpus in [[away, home], [home, away]] {
        let engine = SnapshotEngine(guest.ram.memory(vcpus: vcpus))
        let kernel = try GuestKernel(try guest.image(), in: engine)
        #expect(kernel.textBase.rawValue == guest.textBase)
        for vcpu in kernel.vcpus {
          #expect((vcpu.place == .kernel) == (vcpus[vcpu.id] == home))
        }
        let count = try kernel.snapshot(engine) { walk throws(ReadFault) in try walk.cpus.count }
          .value
        #expect(count == 2)
      }
    }
  }

  /// A stub that does not give them, or a link that changes what it says.
  @Test func withoutRegistersThereIsNoKernelAndAnError() throws {
    func error(vcpu: Int?) throws -> String {
      let engine = SnapshotEngine(crashed.ram.memory(vcpus: []))
      let error = #expect(throws: KernelError.self) {
        try GuestKernel(try crashed.image(), in: engine, vcpu: vcpu)
      }
      return error.map { "\($0)" } ?? ""
    }
    #expect(try error(vcpu: nil).hasPrefix("the registers of no vCPU can be read"))
    #expect(try error(vcpu: 3) == "the guest has no vCPU 3 whose registers can be read")
  }

  // MARK: Whether it lives

  private func cpusAsked(_ memory: ScriptedMemory) -> [Set<Int>] {
    memory.registers.map { Set($0.map(\.cpu)) }
  }

  @Test func oneVCPUIsAskedAsLongAsItIsInTheKernel() throws {
    let home = (0..<4).map { registers(crashed, cpu: $0) }
    let memory = ScriptedMemory(crashed.ram.memory(vcpus: home))
    let engine = SnapshotEngine(memory)
    let kernel = try GuestKernel(try crashed.image(), in: engine)
    // All registers in the first sample, and no more samples than one vCPU needs.
    #expect(cpusAsked(memory).filter { !$0.isEmpty } == [[0, 1, 2, 3]])
    let one = ScriptedMemory(crashed.ram.memory(vcpus: [home[0]]))
    _ = try GuestKernel(try crashed.image(), in: SnapshotEngine(one))
    #expect(memory.samples.count == one.samples.count)

    func snapshot(_ vcpus: [[String: UInt64]], _ kernel: GuestKernel) throws(SnapshotError) -> Int {
      memory.become(crashed.ram.memory(vcpus: vcpus))
      memory.forgetSamples()
      return try kernel.snapshot(engine) { walk throws(ReadFault) in try walk.cpus.count }.value
    }
    for _ in 0..<2 { #expect(try snapshot(home, kernel) == 4) }
    #expect(cpusAsked(memory) == [[0]])
    // It has left for the crash kernel; the others stand in this one.
    #expect(try snapshot([registers(crash)] + home[1...], kernel) == 4)
    #expect(cpusAsked(memory) == [[0], [0, 1, 2, 3], [1]])
    // And none is in it any more.
    for gone in [registers(crash), ["cr0": 0x11, "gs_base": 0, "k_gs_base": 0]] {
      let error = #expect(throws: SnapshotError.self) {
        try snapshot([[String: UInt64]](repeating: gone, count: 4), kernel)
      }
      #expect(KernelError.snapshot(try #require(error)).isAnotherKernel)
    }
    // Who asked for one vCPU's kernel gets no other.
    memory.become(crashed.ram.memory(vcpus: home))
    let bound = try GuestKernel(try crashed.image(), in: engine, vcpu: 0)
    #expect(try snapshot(home, bound) == 4)
    #expect(throws: SnapshotError.self) { try snapshot([registers(crash)] + home[1...], bound) }
  }

  @Test func theRegistersOfManyVCPUsTakeAsManyStopsAsTheLimitsAsk() throws {
    let vcpus = (0..<70).map { ["gs_base": UInt64($0)] }
    for (reads, samples) in [(Int.max, 3), (10, 7), (1, 70)] {
      var limits = SampleLimits.none
      limits.reads = reads
      let memory = ScriptedMemory(crashed.ram.memory(vcpus: vcpus), limits: limits)
      let registers = try SnapshotEngine(memory).registersOfAll(["gs_base"])
      #expect(registers.map(\.cpu) == Array(0..<70))
      #expect(registers.allSatisfy { $0["gs_base"] == UInt64($0.cpu) })
      #expect(memory.samples.count == samples)
    }
  }

  /// An answer that says where the vCPUs are reads no more than registers, unless one is elsewhere.
  @Test func whereTheVCPUsAreIsSeenInTheirRegisters() throws {
    let home = (0..<4).map { registers(crashed, cpu: $0) }
    let memory = ScriptedMemory(crashed.ram.memory(vcpus: home))
    let engine = SnapshotEngine(memory)
    let image = try crashed.image()
    let kernel = try GuestKernel(image, in: engine)
    func places() throws -> [VCPU.Place] {
      let snapshot = try kernel.snapshot(engine, vcpus: [0, 1, 2, 3]) { _ in }
      memory.forgetSamples()
      return try kernel.vcpus(snapshot.registers, image, in: SnapshotEngine(memory)).map(\.place)
    }
    #expect(try places() == [.kernel, .kernel, .kernel, .kernel])
    #expect(memory.samples.isEmpty)
    memory.become(crashed.ram.memory(vcpus: [registers(crash)] + home[1...]))
    let other = VCPU.Place.anotherKernel(
      release: "6.1.0-test", textBase: KernelVirtualAddress(crash.textBase))
    #expect(try places() == [other, .kernel, .kernel, .kernel])
  }
}
