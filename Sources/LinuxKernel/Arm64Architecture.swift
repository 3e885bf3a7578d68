import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelImage
import GuestScopePaging

/// arm64 with pages of 4, 16 or 64 KiB and addresses of up to 52 bits.
struct Arm64Architecture: KernelArchitecture {
  let locatingRegisters = VCPURegisters.names(of: ["TTBR1", "TCR", "SCTLR", "VBAR"])

  func pageTableFormat(_ control: UInt64) -> PageTableFormat? {
    .aarch64(tcr: TranslationControl(control))
  }

  func locate(
    _ registers: VCPURegisters, _ engine: SnapshotEngine
  ) throws(KernelError) -> KernelLocation {
    let ttbr1 = registers.kernels("TTBR1") ?? 0
    let tcr = TranslationControl(registers.kernels("TCR") ?? 0)
    // SCTLR_EL1.M. Before head.S sets them up, the other registers hold anything.
    guard (registers.kernels("SCTLR") ?? 0) & 1 == 1 else {
      throw .noKernel(
        "the guest is still in firmware or a boot loader (the MMU is off): try again when it has "
          + "booted")
    }
    let root = tcr.root(ttbr1: ttbr1)
    guard let format = PageTableFormat.aarch64(tcr: tcr),
      engine.memory.ram.region(at: root) != nil
    else {
      throw .noKernel(
        "the guest has no kernel page tables yet (TTBR1_EL1 \(ttbr1.hex), TCR_EL1 "
          + "\(tcr.rawValue.hex)): try again when it has booted")
    }
    // The image is where its exception vectors are, unless a process runs with the trampoline's.
    // To look there first saves most of the tables: those of vmalloc.
    let near = registers.kernels("VBAR").map { Self.neighbourhood(of: $0) }
    let everywhere = Self.imageWindow(format)
    // With KPTI the trampoline's tables may be loaded, in the kernel as well as in a process. They
    // lie two pages before the kernel's: tramp_pg_dir, reserved_pg_dir, swapper_pg_dir of
    // arch/arm64/kernel/vmlinux.lds.S.
    let roots = [root, root + Self.trampolineDistance(format)]
    let location = try engine.find { view throws(ReadFault) -> KernelLocation? in
      for window in [near, everywhere].compactMap({ $0?.clamped(to: everywhere) }) {
        for root in roots where view.ram.region(at: root) != nil {
          let tables = PageTables(format, root: root)
          if let image = image(in: try tables.segments(in: window, in: view)),
            let first = image.first
          {
            return KernelLocation(
              start: first.virtual,
              displacement: first.physical.rawValue &- first.virtual.rawValue, segments: image,
              tables: tables, control: tcr.rawValue)
          }
        }
      }
      return nil
    }
    guard let location else {
      throw .noKernel(
        "no Linux kernel is mapped from \(everywhere.lowerBound.hex) on (TTBR1_EL1 \(ttbr1.hex), "
          + "TCR_EL1 \(tcr.rawValue.hex)): the guest is booting, or it runs another system")
    }
    return location
  }

  private static func trampolineDistance(_ format: PageTableFormat) -> Int { 2 * format.pageSize }

  /// The half of the smallest address space that this kernel can have (VA_BITS_MIN) in which its
  /// image is; the linear map is below. arch/arm64/include/asm/memory.h, since 5.4.
  private static func imageWindow(_ format: PageTableFormat) -> ClosedRange<UInt64> {
    // A kernel that has more than 48 bits runs with fewer on a CPU without them.
    let smallest =
      format.kernelBits <= 48 ? format.kernelBits : format.pageSize == 16 << 10 ? 47 : 48
    return (.max << UInt64(smallest - 1))...UInt64.max
  }

  /// More than an image has on either side of its vectors, and some tens of tables.
  private static func neighbourhood(of vectors: UInt64) -> ClosedRange<UInt64> {
    let reach: UInt64 = 256 << 20
    let (lower, isBelow) = vectors.subtractingReportingOverflow(reach)
    let (upper, isAbove) = vectors.addingReportingOverflow(reach)
    return (isBelow ? 0 : lower)...(isAbove ? .max : upper)
  }

  /// The stretch of one displacement with most code. By size alone an ioremap of PCI would win.
  private func image(in segments: [PageTables.Mapping]) -> [PageTables.Mapping]? {
    let groups = Dictionary(grouping: segments) { $0.physical.rawValue &- $0.virtual.rawValue }
    func codeSize(_ group: [PageTables.Mapping]) -> UInt64 {
      group.filter(\.isExecutable).map(\.count).max() ?? 0
    }
    let image = groups.values.max { codeSize($0) < codeSize($1) }
    return image.flatMap { codeSize($0) >= 1 << 20 ? $0 : nil }
  }

  /// Code begins with `_stext`, or up to 5.10 with `_text`, before which nothing is mapped then.
  func slides(
    of symbols: KernelSymbols, base: UInt64, at location: KernelLocation
  ) -> [UInt64] {
    guard let code = location.segments.first(where: \.isExecutable)?.virtual.rawValue else {
      return []
    }
    return (symbols.address(of: "_stext").map { [code &- $0] } ?? []) + [code &- base]
  }

  let placeVariables = ["kimage_voffset", "memstart_addr"]

  func addressSpace(
    of image: ImageInGuest, _ engine: SnapshotEngine
  ) throws(KernelError) -> KernelAddressSpace {
    let (location, tables) = (image.location, image.location.tables)
    if let offset = image.variables["kimage_voffset"], offset &+ location.displacement != 0 {
      throw .noKernel(
        "the guest's kernel contradicts its page tables: kimage_voffset is \(offset.hex), the "
          + "tables say \((0 &- location.displacement).hex)")
    }
    // With 64K pages a kernel of 52 bits on a CPU of 48 begins inside its root (TTBR1_BADDR_4852_
    // OFFSET): the register's word counts, and the symbol must be the page that it is in.
    if let symbol = image.symbols.address(of: "swapper_pg_dir") {
      let page = symbol &+ location.displacement
      guard tables.root.rawValue &- page < UInt64(tables.format.pageSize) else {
        throw .noKernel(
          "the guest's kernel contradicts its registers: swapper_pg_dir is at physical "
            + "\(page.hex), TTBR1_EL1 led to \(tables.root.rawValue.hex): it is still booting")
      }
    }
    let memstart = image.variables["memstart_addr"]
    let pageOffset = try memstart.flatMap { memstart throws(KernelError) in
      try self.pageOffset(memstart: memstart, location, engine)
    }
    let directMap = pageOffset.flatMap { pageOffset in
      KernelAddressSpace.Window.directMap(
        of: engine.memory.ram, displacement: memstart! &- pageOffset)
    }
    return KernelAddressSpace(
      windows: [directMap, location.window].compactMap { $0 }, tables: tables,
      pageOffset: pageOffset.map(KernelVirtualAddress.init))
  }

  /// PAGE_OFFSET, -(1 << VA_BITS): what this kernel was built for, not what it runs with. It is
  /// the one that the page tables agree with.
  ///
  /// - Parameter memstart: `memstart_addr`, physical address of PAGE_OFFSET: "negative" for a
  ///   kernel of 52 bits on a CPU of 48.
  private func pageOffset(
    memstart: UInt64, _ location: KernelLocation, _ engine: SnapshotEngine
  ) throws(KernelError) -> UInt64? {
    let tables = location.tables
    guard let data = location.segments.last(where: \.isWritable)?.physical else { return nil }
    let bits = tables.format.kernelBits
    let candidates = [bits, 52].map { UInt64.max << UInt64($0) }
    return try engine.find { view throws(ReadFault) -> UInt64? in
      for candidate in candidates {
        let alias = KernelVirtualAddress(data.rawValue &- memstart &+ candidate)
        guard let mapping = try tables.mapping(at: alias, in: view) else { continue }
        if mapping.physical + (alias.rawValue - mapping.virtual.rawValue) == data {
          return candidate
        }
      }
      return nil
    }
  }

  let livenessRegisters = VCPURegisters.names(of: ["TPIDR", "TTBR1"])

  /// TPIDR_EL1 is the vCPU's per-CPU offset, in the kernel and in a process.
  func perCPUBases(_ registers: VCPURegisters) -> [UInt64] {
    registers.kernels("TPIDR").map { [$0] } ?? []
  }

  let executionRegisters = ["pc", "cpsr"] + VCPURegisters.names(of: ["VBAR", "ELR", "SPSR"])

  /// PSR_I_BIT of arch/arm64/include/uapi/asm/ptrace.h: interrupts are masked.
  private static let interruptMask: UInt64 = 1 << 7

  /// QEMU may stop a vCPU that has just taken an interrupt, at the first instruction of the vector: all
  /// registers are still those of what was interrupted, which ELR and SPSR describe.
  func execution(_ registers: VCPURegisters) -> (instruction: UInt64, takesInterrupts: Bool)? {
    guard var instruction = registers["pc"], var state = registers["cpsr"] else { return nil }
    if let vectors = registers.kernels("VBAR"), isEntry(instruction &- vectors),
      let interrupted = registers.kernels("ELR"), let saved = registers.kernels("SPSR")
    {
      (instruction, state) = (interrupted, saved)
    }
    return (instruction, state & Self.interruptMask == 0)
  }

  /// True for where one of the 16 vectors starts, of 128 bytes each (arch/arm64/kernel/entry.S).
  private func isEntry(_ offset: UInt64) -> Bool { offset < 16 * 128 && offset % 128 == 0 }

  func isAlive(_ registers: VCPURegisters, cpus: [CPU], tables: PageTables) -> Bool {
    let bases = perCPUBases(registers)
    guard cpus.contains(where: { bases.contains($0.offset) }) else { return false }
    guard let ttbr1 = registers.kernels("TTBR1") else { return true }
    // Bits of the ASID, CnP and the place of the root in its page are not compared.
    let page = UInt64(tables.format.pageSize - 1)
    let loaded = ttbr1 & 0x0000_ffff_ffff_ffff & ~page
    let root = tables.root.rawValue & 0x0000_ffff_ffff_ffff & ~page
    return loaded == root
      || loaded == root &- UInt64(Self.trampolineDistance(tables.format))
  }
}

extension VCPURegisters {
  /// All that `kernels` may have to look at. QEMU up to 10.0 calls SCTLR_EL1 and VBAR_EL1 by the
  /// names of their 32-bit forms.
  fileprivate static func names(of bases: [String]) -> [String] {
    ["HCR_EL2"] + bases.flatMap { [$0 + "_EL1", $0 + "_EL2", $0] }
  }

  /// A register of the exception level that the kernel runs at. HCR_EL2.E2H says EL2: a machine
  /// with virtualization extensions, whose kernel is the host of others (VHE).
  fileprivate func kernels(_ base: String) -> UInt64? {
    let isHost = (self["HCR_EL2"] ?? 0) >> 34 & 1 == 1
    return isHost ? self[base + "_EL2"] : self[base + "_EL1", base]
  }
}
