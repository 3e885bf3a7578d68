import GuestScopeGuestMemory
import GuestScopePaging
import TestSupport
import Testing

@testable import GuestScopeKernelImage
@testable import GuestScopeLinuxKernel

/// Finding an arm64 kernel in registers and page tables.
@Suite struct Arm64Tests {
  static let ramBase: UInt64 = 0x4000_0000
  /// Pages of 4K, 48 bits: T1SZ 16, TG1 2.
  static let tcr: UInt64 = 16 << 16 | 2 << 30

  /// A guest whose image has 2 MiB each of code, read-only data and data.
  private struct Guest {
    let ram = RAMBuilder(base: ramBase, count: 1 << 20)
    let tables: PageTableBuilder
    let image: UInt64
    var registers: [String: UInt64]

    /// - Parameter trampoline: lay out the two pages before the root, and load the first of them.
    init(image: UInt64 = 0xffff_b234_5680_0000, tcr: UInt64 = tcr, trampoline: Bool = false) throws
    {
      self.image = image
      let format = try #require(PageTableFormat.aarch64(tcr: TranslationControl(tcr)))
      let before = ram.allocate(
        2 * format.pageSize, alignment: UInt64(format.pageSize))
      tables = PageTableBuilder(format, in: ram)
      #expect(tables.root == before + 2 * format.pageSize)
      let asid: UInt64 = 0x2a << 48
      registers = [
        "TTBR1_EL1": (trampoline ? before : tables.root).rawValue | asid | 1, "TCR_EL1": tcr,
        "SCTLR_EL1": 0x30d0_198d, "VBAR_EL1": image + 0x800,
      ]
      let physical = ramBase + 0x20_0000
      let size: UInt64 = 2 << 20
      func map(_ part: UInt64, isWritable: Bool = false, isExecutable: Bool = false) {
        tables.map(
          pages: Int(size) / format.pageSize, from: image + part * size,
          to: physical + part * size, writable: isWritable, executable: isExecutable)
      }
      map(0, isExecutable: true)
      map(1)
      map(2, isWritable: true)
    }

    var displacement: UInt64 { ramBase + 0x20_0000 &- image }

    func locate(in memory: (any GuestMem)? = nil) throws -> KernelLocation {
      let keys = registers.map { (RegisterKey(cpu: 0, name: $0.key), $0.value) }
      let registers = VCPURegisters(of: 0, in: Dictionary(uniqueKeysWithValues: keys))
      return try Arm64Architecture().locate(registers, SnapshotEngine(memory ?? ram.memory()))
    }

    func addressSpace(_ variables: [String: UInt64]) throws -> KernelAddressSpace {
      // Its data must be RAM for the direct map to be checked against.
      let memory = ByteBufferMemory(ram.bytes, base: ramBase)
      let image = ImageInGuest(
        file: "Image", location: try locate(), symbols: KernelSymbols(),
        variables: variables)
      return try Arm64Architecture().addressSpace(of: image, SnapshotEngine(memory))
    }
  }

  private func failure(_ guest: Guest) throws -> String {
    "\(try #require(#expect(throws: KernelError.self) { try guest.locate() }))"
  }

  @Test func theImageIsWhereItsCodeIs() throws {
    let guest = try Guest()
    // More memory than the image, but none of it code: PCI's configuration space.
    for index in UInt64(0)..<16 {
      let offset = index << 21
      guest.tables.map(0xffff_8000_1000_0000 + offset, to: 0x40_1000_0000 + offset, level: 2)
    }
    // And code of a module, less than a kernel has.
    guest.tables.map(0xffff_b234_5000_0000, to: 0x4800_0000, writable: false, executable: true)
    let location = try guest.locate()
    #expect(location.start.rawValue == guest.image)
    #expect(location.displacement == guest.displacement)
    #expect(location.segments.map(\.isExecutable) == [true, false, false])
    #expect(location.readOnlyData?.virtual.rawValue == guest.image + 2 << 20)
    #expect(location.tables.root == guest.tables.root)
  }

  @Test func aTrampolineLeadsToTheKernelsTables() throws {
    let location = try Guest(trampoline: true).locate()
    #expect(location.tables.root == (try Guest()).tables.root)
  }

  @Test func theNamesOfOlderQEMUsWork() throws {
    var guest = try Guest()
    guest.registers["SCTLR"] = guest.registers.removeValue(forKey: "SCTLR_EL1")
    guest.registers["VBAR"] = guest.registers.removeValue(forKey: "VBAR_EL1")
    #expect(try guest.locate().start.rawValue == guest.image)
  }

  /// TG1, 64 - T1SZ, 52-bit addresses (DS, or with 64K pages IPS), and where a kernel without KASLR
  /// is: KIMAGE_VADDR, above the middle of the smallest address space that it may have.
  static let spaces: [(granule: UInt64, bits: UInt64, isWide: Bool, image: UInt64)] = [
    (2, 39, false, 0xffff_ffc0_8000_0000), (2, 48, false, 0xffff_8000_8000_0000),
    (2, 52, true, 0xffff_8000_8000_0000), (1, 47, false, 0xffff_c000_8000_0000),
    (1, 48, false, 0xffff_8000_8000_0000), (1, 52, true, 0xffff_c000_8000_0000),
    (3, 42, false, 0xffff_fe00_8000_0000), (3, 48, false, 0xffff_8000_8000_0000),
    (3, 52, true, 0xffff_8000_8000_0000),
  ]

  @Test(arguments: spaces, [false, true])
  func everyGranuleAndSizeIsFound(
    space: (granule: UInt64, bits: UInt64, isWide: Bool, image: UInt64), isInProcess: Bool
  ) throws {
    var tcr = (64 - space.bits) << 16 | space.granule << 30
    if space.isWide { tcr |= space.granule == 3 ? 6 << 32 : 1 << 59 }
    var guest = try Guest(image: space.image, tcr: tcr)
    if isInProcess { guest.registers["VBAR_EL1"] = 0xffff_ffff_fb40_0000 }
    let location = try guest.locate()
    #expect(location.start.rawValue == space.image)
    #expect(location.displacement == guest.displacement)
  }

  /// HCR_EL2.E2H: what the registers of EL1 hold is left from the boot, or another kernel's.
  @Test func aKernelAtEL2IsFoundByItsOwnRegisters() throws {
    var guest = try Guest()
    for name in ["TTBR1", "TCR", "SCTLR", "VBAR"] {
      guest.registers[name + "_EL2"] = guest.registers.removeValue(forKey: name + "_EL1")
    }
    guest.registers["SCTLR_EL1"] = 0x3050_0800
    guest.registers["HCR_EL2"] = 0x4_8800_0000
    #expect(try guest.locate().start.rawValue == guest.image)
    guest.registers["HCR_EL2"] = 0x8000_0000
    #expect(try failure(guest).contains("the MMU is off"))
  }

  /// Memory of vmalloc comes and goes, and with it the tables.
  @Test func tablesThatChangeAllTheTimeAreNoHindrance() throws {
    var guest = try Guest()
    // Not beside the image alone: a process runs, with the trampoline's vectors.
    guest.registers["VBAR_EL1"] = 0xffff_ffff_fb40_0000
    let place = guest.tables.entry(of: 0xffff_8000_1000_0000, level: 2)
    // Another one each time: two would take turns with the waves.
    let entries = (0..<16).map { _ in
      guest.tables.tableEntry(guest.ram.allocatePage(), level: 2)
    }
    let memory = ScriptedMemory(guest.ram.memory())
    memory.meanwhile = { sample in
      memory.guest.write(
        (0..<8).map { UInt8(truncatingIfNeeded: entries[sample % 16] >> (8 * $0)) }, at: place)
    }
    #expect(try guest.locate(in: memory).start.rawValue == guest.image)
    #expect(memory.holds == 0)
  }

  @Test func whatIsNoKernelYetIsSaid() throws {
    var guest = try Guest()
    guest.registers["SCTLR_EL1"] = 0
    #expect(try failure(guest).contains("the MMU is off"))
    guest = try Guest()
    guest.registers["TCR_EL1"] = 0
    #expect(try failure(guest).contains("no kernel page tables yet"))
    guest = try Guest()
    guest.registers["TTBR1_EL1"] = 0x1000
    #expect(try failure(guest).contains("no kernel page tables yet"))
    guest = try Guest()
    guest.registers["TTBR1_EL1"] = guest.ram.allocatePage().rawValue
    #expect(try failure(guest).contains("no Linux kernel is mapped"))
  }

  @Test(
    "The linear map of kernels for 48 bits, and for 52 bits on a CPU of 48",
    arguments: [(48, 0x4000_0000), (48, 0xffff_f11d_4000_0000), (52, 0xfff0_fe4b_c000_0000)]
      as [(Int, UInt64)])
  func linearMap(bits: Int, memstart: UInt64) throws {
    let guest = try Guest()
    let pageOffset = UInt64.max << UInt64(bits)
    let displacement = memstart &- pageOffset
    let data = Self.ramBase + 0x60_0000
    guest.tables.map(data &- displacement, to: data, level: 2)
    let space = try guest.addressSpace([
      "memstart_addr": memstart, "kimage_voffset": 0 &- guest.displacement,
    ])
    #expect(space.pageOffset?.rawValue == pageOffset)
    let directMap = try #require(space.windows.first)
    #expect(directMap.name == "direct map")
    #expect(directMap.displacement == displacement)
    #expect(directMap.virtual.lowerBound == Self.ramBase &- displacement)
    #expect(space.tables.root == guest.tables.root)
  }

  /// TCR_EL1.TBI1: KASAN's pointers have a tag in their top byte.
  @Test(arguments: [true, false])
  func tagsOfPointersMeanNothing(ignoresTopByte: Bool) throws {
    let guest = try Guest(tcr: Self.tcr | (ignoresTopByte ? 1 << 38 : 0))
    let space = KernelAddressSpace(
      windows: [
        .init(
          name: "direct map", virtual: 0xffff_0000_0000_0000...0xffff_0000_000f_ffff,
          displacement: Self.ramBase &- 0xffff_0000_0000_0000)
      ], tables: guest.tables.tables)
    for (address, physical) in [
      (0xf5ff_0000_0000_1230, Self.ramBase + 0x1230),
      ((guest.image + 0x4560) & ~(0xf << 56) | 5 << 56, Self.ramBase + 0x20_4560),
    ] as [(UInt64, UInt64)] {
      let found = Result {
        try SnapshotEngine(guest.ram.memory()).snapshot(in: space) { view throws(ReadFault) in
          try view.translate(KernelVirtualAddress(address))
        }.value.rawValue
      }
      #expect((try? found.get()) == (ignoresTopByte ? physical : nil))
    }
  }

  @Test func aLinearMapThatTheTablesDoNotHaveIsNotUsed() throws {
    let space = try Guest().addressSpace(["memstart_addr": 0x4000_0000])
    #expect(space.pageOffset == nil)
    #expect(space.windows.map(\.name) == ["kernel image"])
  }

  @Test func variablesThatContradictTheTablesAreRefused() throws {
    #expect(throws: KernelError.self) { try Guest().addressSpace(["kimage_voffset": 0x1000]) }
  }

  @Test func aVCPUIsAliveWithItsOffsetAndTheKernelsTables() throws {
    let guest = try Guest()
    let tables = guest.tables.tables
    let cpus = [CPU(id: 0, offset: 0xffff_9adf_2725_4000)]
    func isAlive(_ base: UInt64, _ ttbr1: UInt64) -> Bool {
      let registers = VCPURegisters(
        of: 0,
        in: [
          RegisterKey(cpu: 0, name: "TPIDR_EL1"): base,
          RegisterKey(cpu: 0, name: "TTBR1_EL1"): ttbr1,
        ])
      return Arm64Architecture().isAlive(registers, cpus: cpus, tables: tables)
    }
    let (base, root) = (cpus[0].offset, guest.tables.root.rawValue)
    #expect(isAlive(base, root))
    #expect(isAlive(base, root | 0x2a << 48 | 1))
    #expect(isAlive(base, root - 0x2000), "the trampoline's tables")
    #expect(!isAlive(base, root - 0x1000))
    #expect(!isAlive(base, root + 0x1000))
    #expect(!isAlive(base + 0x2000, root))
    #expect(!isAlive(0, root))
  }
}
