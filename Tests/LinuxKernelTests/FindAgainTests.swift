import GuestScopeGuestMemory
import GuestScopeKernelImage
import GuestScopeLinuxKernel
import TestSupport
import Testing

/// A guest whose kernel cannot be found yet, and then can: whatever a failed attempt has read is of
/// another moment. Each row of the tables spoils a guest that is fine, in the same places of memory.
@Suite struct FindAgainTests {
  /// A moment in which no kernel can be found, and why.
  struct Moment<Guest>: CustomTestStringConvertible, Sendable {
    var name: String
    var reason: String
    var spoil: @Sendable (Guest) -> Void
    var testDescription: String { name }

    init(_ name: String, _ reason: String, spoil: @escaping @Sendable (Guest) -> Void) {
      (self.name, self.reason, self.spoil) = (name, reason, spoil)
    }
  }

  // MARK: x86-64

  static let x86Moments: [Moment<SyntheticGuest>] = [
    Moment("firmware", "paging is off") { $0.registers["cr0"] = 0x11 },
    Moment("32-bit loader", "32-bit mode") { $0.registers["efer"] = 0 },
    Moment("decompressor", "still being unpacked") { guest in
      guest.ram.clearPage(of: guest.tables.root)
      guest.registers["rip"] = 0x10_0000
    },
    Moment("kexec's own tables", "only Linux guests") { guest in
      guest.ram.clearPage(of: guest.tables.entry(of: guest.textBase, level: 1))
    },
    Moment("tables outside RAM", "outside the guest's RAM") { guest in
      guest.registers["cr3"] = 1 << 40
    },
    Moment("early boot", "the guest is booting") { guest in
      guest.tables.map(
        pages: 16, from: guest.textBase, to: guest.imagePhysical.rawValue, executable: true)
    },
    Moment("the kernel of the last boot", "is not this guest's kernel") { guest in
      // Where KASLR had put it, nothing is left of it.
      let before = guest.ram.allocate(16 * 4096, alignment: 4096).rawValue
      guest.tables.map(
        pages: 4, from: guest.textBase, to: before, writable: false, executable: true)
      guest.tables.map(
        pages: 4, from: guest.textBase + 0x4000, to: before + 0x4000, writable: false)
      guest.tables.map(pages: 8, from: guest.textBase + 0x8000, to: before + 0x8000)
    },
    Moment("the image is not yet copied", "is not this guest's kernel") { guest in
      guest.ram.clearPage(of: guest.imagePhysical + 0x4000)
    },
    Moment("phys_base is not yet set", "contradicts its page tables") { guest in
      guest.ram.write(0 as UInt64, at: guest.place("phys_base"))
    },
    Moment("page_offset_base is not yet set", "where no direct map can be") {
      $0.ram.write(0 as UInt64, at: $0.place("page_offset_base"))
    },
    Moment("CPUs are not yet counted", "0 CPUs") { guest in
      guest.ram.write(0 as UInt32, at: guest.place("nr_cpu_ids"))
    },
  ]

  @Test(arguments: x86Moments)
  func anX86GuestIsFoundAfter(moment: Moment<SyntheticGuest>) throws {
    let guest = SyntheticGuest()
    let (image, fine) = (try guest.image(), guest.memory)
    moment.spoil(guest)
    try check(moment.reason, image, spoilt: guest.memory, fine)
  }

  // MARK: arm64

  static let arm64Moments: [Moment<SyntheticArm64Guest>] = [
    Moment("firmware", "the MMU is off") { $0.registers["SCTLR_EL1"] = 0 },
    Moment("firmware with its own tables", "no kernel page tables yet") {
      $0.registers["TTBR1_EL1"] = 0x1000
    },
    Moment("no granule", "no kernel page tables yet") {
      $0.registers["TCR_EL1"] = 0
    },
    Moment("reserved_pg_dir", "no Linux kernel is mapped") {
      $0.registers["TTBR1_EL1"] = $0.ram.allocatePage().rawValue
    },
    Moment("nothing is mapped", "no Linux kernel is mapped") { guest in
      guest.ram.clearPage(of: guest.tables.root)
    },
    Moment("early boot", "the guest is booting") { $0.mapImage(isEarly: true) },
    Moment("init_pg_dir", "still booting") { guest in
      // The same mappings below another root.
      let early = guest.ram.allocatePage()
      for index in 0..<512 {
        guest.ram.write(guest.ram.u64(at: guest.tables.root + 8 * index), at: early + 8 * index)
      }
      guest.registers["TTBR1_EL1"] = early.rawValue
    },
    Moment("the kernel of the last boot", "is not this guest's kernel") { guest in
      for part in 0..<3 as Range<UInt64> {
        guest.tables.map(
          guest.textBase + part << 21, to: 0x4000_0000 + part << 21, level: 2, writable: part == 2,
          executable: part == 0)
      }
    },
    Moment("the image is not yet copied", "is not this guest's kernel") { guest in
      guest.ram.clearPage(of: guest.imagePhysical + (2 << 20))
    },
    Moment("kimage_voffset is not yet set", "contradicts its page tables") {
      $0.ram.write(0 as UInt64, at: $0.place("kimage_voffset"))
    },
    Moment("CPUs are not yet counted", "0 CPUs") { guest in
      guest.ram.write(0 as UInt32, at: guest.place("nr_cpu_ids"))
    },
  ]

  @Test(arguments: arm64Moments)
  func anArm64GuestIsFoundAfter(moment: Moment<SyntheticArm64Guest>) throws {
    let guest = SyntheticArm64Guest()
    let (image, fine) = (try guest.image(), guest.memory)
    moment.spoil(guest)
    try check(moment.reason, image, spoilt: guest.memory, fine)
  }

  // MARK: Both

  /// The connection breaks at any moment of a search that began in the early boot.
  @Test(arguments: 0..<12)
  func aSearchThatBrokeOffLeavesNothing(sample: Int) throws {
    let (x86, arm64) = (SyntheticGuest(), SyntheticArm64Guest())
    let fine = [x86.memory, arm64.memory]
    let images = [try x86.image(), try arm64.image()]
    x86.ram.clearPage(of: x86.tables.entry(of: x86.textBase, level: 3))
    arm64.mapImage(isEarly: true)
    for (image, (spoilt, fine)) in zip(images, zip([x86.memory, arm64.memory], fine)) {
      let memory = ScriptedMemory(spoilt)
      let engine = SnapshotEngine(memory)
      memory.fails = { $0.samples.count > sample ? GuestMemError(.lost, "it broke") : nil }
      #expect(throws: KernelError.self) { try GuestKernel(image, in: engine) }
      memory.fails = { _ in nil }
      memory.become(fine)
      #expect(try GuestKernel(image, in: engine).cpuIDs == 2)
    }
  }

  /// As `pread` reads page tables, and whatever else is asked for by its physical address.
  @Test func whatWasReadForAnotherReasonIsNoGuide() throws {
    let guest = SyntheticGuest()
    let (image, fine) = (try guest.image(), guest.memory)
    guest.ram.clearPage(of: guest.tables.root)
    let memory = ScriptedMemory(guest.memory)
    let engine = SnapshotEngine(memory)
    _ = try engine.snapshot { view throws(ReadFault) in
      try view.bytes(at: guest.tables.root, count: 4096)
    }
    memory.become(fine)
    #expect(try GuestKernel(image, in: engine).textBase.rawValue == guest.textBase)
  }

  /// The same engine finds the guest that is fine after any number of moments that are not.
  private func check(
    _ reason: String, _ image: KernelFacts, spoilt: ByteBufferMemory, _ fine: ByteBufferMemory
  ) throws {
    let wanted = try GuestKernel(image, in: SnapshotEngine(fine))
    let memory = ScriptedMemory(spoilt)
    let engine = SnapshotEngine(memory)
    for _ in 0..<2 {
      memory.become(spoilt)
      for _ in 0..<2 {
        let error = #expect(throws: KernelError.self) { try GuestKernel(image, in: engine) }
        #expect("\(try #require(error))".contains(reason))
      }
      memory.become(fine)
      let kernel = try GuestKernel(image, in: engine)
      #expect(kernel.textBase == wanted.textBase)
      #expect(kernel.addressSpace == wanted.addressSpace)
      #expect(kernel.variables == wanted.variables)
    }
  }
}
