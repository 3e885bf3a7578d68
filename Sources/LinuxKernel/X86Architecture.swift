import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelImage
import GuestScopePaging

/// `__START_KERNEL_map` of arch/x86/include/asm/page_64_types.h: where the image window begins.
/// KASLR moves the image within the first GiB (KERNEL_IMAGE_SIZE) of it.
private let startKernelMap: UInt64 = 0xffff_ffff_8000_0000
private let kernelImageSize: UInt64 = 1 << 30

/// x86-64 with 4 or 5 levels of page tables.
struct X86Architecture: KernelArchitecture {
  let locatingRegisters = ["cr0", "cr3", "cr4", "efer", "rip"]

  /// CR4.LA57 is bit 12.
  func pageTableFormat(_ control: UInt64) -> PageTableFormat? {
    .x86(fiveLevel: control >> 12 & 1 == 1)
  }

  func locate(
    _ registers: VCPURegisters, _ engine: SnapshotEngine
  ) throws(KernelError) -> KernelLocation {
    let (cr3, cr4) = (registers["cr3"] ?? 0, registers["cr4"] ?? 0)
    let rip = registers["rip"] ?? 0
    // Intel SDM vol. 3: CR0.PG, EFER.LMA.
    guard (registers["cr0"] ?? 0) >> 31 & 1 == 1 else {
      throw .noKernel(
        "the guest is still in firmware or a boot loader (paging is off): try again when it has "
          + "booted")
    }
    guard (registers["efer"] ?? 0) >> 10 & 1 == 1 else {
      throw .noKernel("the guest runs in 32-bit mode: only 64-bit kernels are supported")
    }
    let format = PageTableFormat.x86(fiveLevel: cr4 >> 12 & 1 == 1)
    // Bits 11:0 are flags or a PCID. With page-table isolation the user's table is the odd page of
    // a pair, but without it any table may be: bit 12 alone proves nothing.
    let given = PhysicalAddress(cr3 & 0x000f_ffff_ffff_f000)
    let even = PhysicalAddress(given.rawValue & ~0x1000)
    let window = startKernelMap...(startKernelMap + (kernelImageSize - 1))
    // A vCPU in user mode shows one segment there, the entry text. The kernel's table has data.
    let segments = try engine.find { view throws(ReadFault) in
      let shown = try PageTables(format, root: given).segments(in: window, in: view)
      if given == even || shown.contains(where: { $0.isWritable && !$0.isExecutable }) {
        return shown
      }
      let other = try PageTables(format, root: even).segments(in: window, in: view)
      return other.isEmpty ? shown : other
    }
    guard let first = segments.first else {
      throw .noKernel(
        rip >> 32 == 0
          ? "the guest's kernel is still being unpacked, or a boot loader runs: try again when it "
            + "has booted"
          : "no Linux kernel is mapped at \(startKernelMap.hex) (CR3 \(cr3.hex), RIP \(rip.hex)): "
            + "only Linux guests are supported")
    }
    // One displacement for all of the image: it is physically contiguous.
    let displacement = first.physical.rawValue &- first.virtual.rawValue
    return KernelLocation(
      start: first.virtual, displacement: displacement,
      segments: segments.filter { $0.physical.rawValue &- $0.virtual.rawValue == displacement },
      tables: PageTables(format, root: given), control: cr4)
  }

  /// The first mapped address is `_text`.
  func slides(
    of symbols: KernelSymbols, base: UInt64, at location: KernelLocation
  ) -> [UInt64] {
    [location.start.rawValue &- base]
  }

  let placeVariables = ["phys_base", "page_offset_base"]

  func addressSpace(
    of image: ImageInGuest, _ engine: SnapshotEngine
  ) throws(KernelError) -> KernelAddressSpace {
    let physBase = try image.variable("phys_base")
    let displacement = image.location.displacement
    guard physBase == displacement &+ startKernelMap else {
      throw .noKernel(
        "the guest's kernel contradicts its page tables: phys_base is \(physBase.hex), the tables "
          + "say \((displacement &+ startKernelMap).hex)")
    }
    // The tables of the vCPU may be a process's.
    let root = try image.symbols.required("init_top_pgt", in: image.file)
    let format = image.location.tables.format
    // Up to 6.15 a kernel without KASLR and 5-level paging has no such variable
    // (CONFIG_DYNAMIC_MEMORY_LAYOUT=n).
    let hasPageOffset = image.symbols.address(of: "page_offset_base") != nil
    let pageOffset = hasPageOffset ? try image.variable("page_offset_base") : nil
    let directMap = pageOffset.flatMap {
      KernelAddressSpace.Window.directMap(of: engine.memory.ram, displacement: 0 &- $0)
    }
    if let pageOffset, pageOffset < format.firstKernelAddress || directMap == nil {
      throw .noKernel(
        "the guest's kernel has page_offset_base \(pageOffset.hex), where no direct map can be: "
          + "it is booting, or not this file's")
    }
    return KernelAddressSpace(
      windows: [directMap, image.location.window].compactMap { $0 },
      tables: PageTables(format, root: PhysicalAddress(root &+ displacement)),
      pageOffset: pageOffset.map(KernelVirtualAddress.init))
  }

  let livenessRegisters = ["gs_base", "k_gs_base"]
  let executionRegisters = ["rip", "eflags"]

  /// X86_EFLAGS_IF of arch/x86/include/uapi/asm/processor-flags.h.
  private static let interruptFlag: UInt64 = 1 << 9

  func execution(_ registers: VCPURegisters) -> (instruction: UInt64, takesInterrupts: Bool)? {
    guard let instruction = registers["rip"], let flags = registers["eflags"] else { return nil }
    return (instruction, flags & Self.interruptFlag != 0)
  }

  /// One of the two is the vCPU's per-CPU base, and only that one has bit 63 set.
  func perCPUBases(_ registers: VCPURegisters) -> [UInt64] {
    livenessRegisters.compactMap { registers[$0] }.filter { $0 >> 63 == 1 }
  }

  func isAlive(_ registers: VCPURegisters, cpus: [CPU], tables: PageTables) -> Bool {
    let bases = perCPUBases(registers)
    return cpus.contains { bases.contains($0.offset) }
  }
}
