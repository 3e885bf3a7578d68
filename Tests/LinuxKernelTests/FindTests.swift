import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeKernelImage
import GuestScopeLinuxKernel
import GuestScopePaging
import TestSupport
import Testing

@Suite struct FindTests {
  private func find(
    _ guest: SyntheticGuest, _ image: KernelFacts? = nil
  ) throws -> GuestKernel {
    let memory = ScriptedMemory(guest.memory)
    defer { #expect(memory.samples.joined().allSatisfy(memory.ram.contains)) }
    return try GuestKernel(try image ?? guest.image(), in: SnapshotEngine(memory))
  }

  private func failure(_ guest: SyntheticGuest, _ image: KernelFacts? = nil) throws -> String {
    let error = #expect(throws: KernelError.self) { try find(guest, image) }
    return "\(try #require(error))"
  }

  @Test(arguments: [false, true])
  func theKernelIsFoundFromRegistersAndTables(isFiveLevel: Bool) throws {
    let guest = SyntheticGuest(isFiveLevel: isFiveLevel)
    let kernel = try find(guest)
    #expect(kernel.textBase.rawValue == guest.textBase)
    #expect(kernel.slide == SyntheticGuest.slide)
    #expect(kernel.variables["phys_base"] == guest.displacement &+ 0xffff_ffff_8000_0000)
    #expect(kernel.addressSpace.pageOffset?.rawValue == guest.pageOffset)
    #expect(kernel.addressSpace.tables.root == guest.tables.root)
    #expect(kernel.addressSpace.tables.format == .x86(fiveLevel: isFiveLevel))
    #expect(kernel.cpuIDs == 2)
    #expect(kernel.release == "6.1.0-test")
    #expect(
      try kernel.address(of: "prog_idr").rawValue == guest.textBase + guest.symbols["prog_idr"]!)
  }

  @Test func aUserModeCR3LeadsToTheKernelsTable() throws {
    let guest = SyntheticGuest()
    // Page-table isolation: the user's root follows the kernel's, and maps the entry text alone.
    let kernel = PageTableBuilder(.x86(fiveLevel: false), in: aligned(guest.ram))
    let user = PageTableBuilder(.x86(fiveLevel: false), in: guest.ram)
    #expect(user.root.rawValue == kernel.root.rawValue | 0x1000 || user.root > kernel.root)
    try #require(kernel.root.rawValue & 0x1000 == 0)
    try #require(user.root.rawValue == kernel.root.rawValue + 0x1000)
    guest.mapImage(in: kernel)
    guest.mapImage(in: user, onlyText: true)
    guest.registers["cr3"] = user.root.rawValue | 0x803
    #expect(try find(guest).textBase.rawValue == guest.textBase)
  }

  /// The next page that is given out is an even one.
  private func aligned(_ ram: RAMBuilder) -> RAMBuilder {
    if ram.allocatePage().rawValue & 0x1000 == 0 { _ = ram.allocate(8, alignment: 4096) }
    return ram
  }

  @Test func anOddRootWithoutIsolationIsTakenAsItIs() throws {
    let guest = SyntheticGuest()
    _ = aligned(guest.ram)
    _ = guest.ram.allocatePage()
    let root = PageTableBuilder(.x86(fiveLevel: false), in: guest.ram)
    try #require(root.root.rawValue & 0x1000 != 0)
    guest.mapImage(in: root)
    guest.registers["cr3"] = root.root.rawValue
    #expect(try find(guest).textBase.rawValue == guest.textBase)
  }

  @Test(
    arguments: [
      (["cr0": 0x11], "firmware or a boot loader (paging is off)"),
      (["efer": 0], "32-bit mode"),
      (["cr3": 0x9_f000, "rip": 0x10_0000], "still being unpacked"),
      (["cr3": 0x9_f000, "rip": 0xffff_f800_1234_0000], "only Linux guests are supported"),
    ] as [([String: UInt64], String)])
  func whatRunsInsteadIsSaid(registers: [String: UInt64], message: String) throws {
    let guest = SyntheticGuest()
    guest.registers.merge(registers) { $1 }
    #expect(try failure(guest).contains(message))
  }

  @Test func aKernelThatHasNotSetItselfUpIsBooting() throws {
    let guest = SyntheticGuest()
    // Before mark_rodata_ro() everything is writable.
    let root = PageTableBuilder(.x86(fiveLevel: false), in: guest.ram)
    root.map(pages: 16, from: guest.textBase, to: guest.imagePhysical.rawValue, executable: true)
    guest.registers["cr3"] = root.root.rawValue
    #expect(try failure(guest).contains("the guest is booting"))
  }

  @Test func rootsOutsideRAMAreSaidToBeUnreadable() throws {
    let guest = SyntheticGuest()
    guest.registers["cr3"] = 1 << 40
    #expect(try failure(guest).contains("outside the guest's RAM"))
  }

  @Test func aFileOfAnotherKernelIsRefusedWithBothNames() throws {
    let guest = SyntheticGuest()
    let other = try guest.image(
      banner: "Linux version 5.10.0-other (b@h) (gcc 10) #2 SMP", buildID: [9, 9, 9])
    let message = try failure(guest, other)
    #expect(message.contains("vmlinux is not this guest's kernel"))
    #expect(message.contains("Linux 5.10.0-other (#2 SMP)"))
    #expect(message.contains("Linux 6.1.0-test (#1 SMP)"))
  }

  /// Since 6.1 an image has a first banner whose build has no number yet.
  @Test func aBannerWithoutItsNumberIsNotTheGuests() throws {
    let guest = SyntheticGuest()
    let unnumbered = SyntheticGuest.banner.replacing("#1 SMP", with: "# SMP")
    guest.ram.write(Array((unnumbered + "\n").utf8) + [0], at: guest.place("linux_banner") + -0x80)
    let other = try guest.image(
      banner: "Linux version 5.10.0-other (b@h) (gcc 10) #2 SMP", buildID: [9, 9, 9])
    #expect(try failure(guest, other).contains("Linux 6.1.0-test (#1 SMP)"))
    // Where there is no other, it is better than none.
    let place = guest.place("linux_banner")
    guest.ram.write([UInt8](repeating: 0, count: 64), at: place)
    #expect(try failure(guest, other).contains("Linux 6.1.0-test (# SMP)"))
  }

  @Test func theBuildIDDecidesEvenWhereTheBannersAreTheSame() throws {
    let guest = SyntheticGuest()
    #expect(
      try failure(guest, try guest.image(buildID: [9, 9, 9])).contains("is not this guest's"))
  }

  @Test func aFileWithoutTypesIsRefused() throws {
    let guest = SyntheticGuest()
    #expect(try failure(guest, try guest.image(hasBTF: false)).contains("has no BTF"))
  }

  @Test(arguments: ["phys_base", "nr_cpu_ids", "init_top_pgt"])
  func aSymbolThatIsNeededIsNamedWithItsFile(symbol: String) throws {
    let guest = SyntheticGuest()
    #expect(
      try failure(guest, try guest.image(without: [symbol]))
        .hasPrefix("vmlinux has no symbol \(symbol): "))
  }

  /// CONFIG_DYNAMIC_MEMORY_LAYOUT=n: the tables say where everything is.
  @Test func aKernelThatDoesNotSayWhereItMapsAllMemoryIsFound() throws {
    let guest = SyntheticGuest()
    let kernel = try find(guest, try guest.image(without: ["page_offset_base"]))
    #expect(kernel.addressSpace.pageOffset == nil)
    #expect(kernel.addressSpace.windows.map(\.name) == ["kernel image"])
  }

  @Test func aPhysBaseThatContradictsThePageTablesIsRefused() throws {
    let guest = SyntheticGuest()
    guest.ram.write(0x1234_0000 as UInt64, at: guest.place("phys_base"))
    #expect(try failure(guest).contains("contradicts its page tables"))
  }

  @Test(arguments: [0, 8193, .max] as [UInt32])
  func anAbsurdNumberOfCPUsIsRefused(cpus: UInt32) throws {
    let guest = SyntheticGuest()
    guest.ram.write(cpus, at: guest.place("nr_cpu_ids"))
    #expect(try failure(guest).contains("\(cpus) CPUs"))
  }

  @Test func aPageOffsetAtTheEndOfTheAddressSpaceIsAnErrorNotACrash() throws {
    let guest = SyntheticGuest()
    guest.ram.write(UInt64.max - 0xfff, at: guest.place("page_offset_base"))
    #expect(try failure(guest).contains("page_offset"))
  }

  // MARK: Another kernel than before

  private func liveness(_ registers: [String: UInt64]) throws -> KernelError? {
    let guest = SyntheticGuest()
    let kernel = try find(guest)
    guest.registers.merge(registers) { $1 }
    let memory = ScriptedMemory(guest.memory)
    do throws(SnapshotError) {
      _ = try kernel.snapshot(SnapshotEngine(memory)) { walk throws(ReadFault) in
        #expect(try walk.cpus.count == 2)
      }
      return nil
    } catch {
      return .snapshot(error)
    }
  }

  @Test func aPerCPUBaseThatIsNoneOfTheKernelsMeansAnotherKernel() throws {
    let another = try #require(try liveness(["gs_base": 0xffff_8880_dead_0000]))
    #expect(another.isAnotherKernel)
    #expect("\(another)".contains("it was reset"))
    // Firmware after a reset: all zeros.
    #expect(try #require(try liveness(["gs_base": 0, "k_gs_base": 0])).isAnotherKernel)
  }

  @Test func aVCPUInUserModeHasItsBaseInTheOtherRegister() throws {
    let offset = SyntheticGuest().perCPUOffset(1)
    #expect(try liveness(["gs_base": 0x7f00_1234, "k_gs_base": offset]) == nil)
    #expect(try liveness(["gs_base": offset, "k_gs_base": 0]) == nil)
  }
}
