import GuestScopeGuestMemory

/// What kind of kernel memory an address is in.
public struct KernelRegion: Hashable, Sendable, CustomStringConvertible {
  /// `direct map`, `kernel image`, `vmalloc`, `per-CPU`, `modules`, …
  public var name: String
  /// The section of the image, the CPU.
  public var detail: String?

  init(_ name: String, _ detail: String? = nil) {
    self.name = name
    self.detail = detail
  }

  public var description: String { detail.map { "\(name) (\($0))" } ?? name }
}

extension Walk {
  /// What kind of memory an address is in; nil where this kernel has no use for it.
  public func region(of address: KernelVirtualAddress) throws(ReadFault) -> KernelRegion? {
    try kernel.region(of: address, cpus: try ifKnown(cpus) ?? [], in: view)
  }
}

extension GuestKernel {
  fileprivate func region(
    of address: KernelVirtualAddress, cpus: [CPU], in view: MemoryView
  ) throws(ReadFault) -> KernelRegion? {
    if let cpu = cpu(owning: address, cpus) {
      return KernelRegion("per-CPU", "CPU \(cpu.id)")
    }
    let value = address.rawValue
    if let (window, _) = addressSpace.window(at: address, ram: view.ram) {
      return KernelRegion(window.name, imageSection(of: value))
    }
    if architecture == .x86, let region = try x86Region(of: value, in: view) { return region }
    let window = addressSpace.windows.first { $0.virtual.contains(value) }
    return window.map { KernelRegion($0.name, "no RAM there") }
  }

  /// The CPU whose first chunk of per-CPU variables holds an address.
  public func cpu(owning address: KernelVirtualAddress, _ cpus: [CPU]) -> CPU? {
    guard let variables = perCPUVariables else { return nil }
    return cpus.first { variables.contains(address.rawValue &- $0.offset) }
  }

  /// The addresses of per-CPU variables: what to add a CPU's offset to. On x86-64 up to kernel 6.14
  /// they begin at 0.
  public var perCPUVariables: Range<UInt64>? {
    guard let start = symbols.address(of: "__per_cpu_start"),
      let end = symbols.address(of: "__per_cpu_end"), start < end
    else { return nil }
    return start..<end
  }

  /// The sections as the kernel's linker script (vmlinux.lds.S) delimits them.
  private static let sections = [
    ("text", "_stext", "_etext"), ("rodata", "__start_rodata", "__end_rodata"),
    ("data", "_sdata", "_edata"), ("init, freed", "__init_begin", "__init_end"),
    ("bss", "__bss_start", "__bss_stop"), ("brk", "__brk_base", "__brk_limit"),
  ]

  private func imageSection(of address: UInt64) -> String? {
    Self.sections.first { _, start, end in
      guard let start = symbols.address(of: start), let end = symbols.address(of: end) else {
        return false
      }
      return start <= address && address < end
    }?.0
  }
}

// MARK: x86-64

extension GuestKernel {
  /// Where modules and the machine code of BPF programs are.
  static let x86Modules: ClosedRange<UInt64> = 0xffff_ffff_a000_0000...0xffff_ffff_feff_ffff

  /// The fixed regions of Documentation/arch/x86/x86_64/mm.rst.
  private static let x86Regions: [(ClosedRange<UInt64>, String)] = [
    (0xffff_fe00_0000_0000...0xffff_fe7f_ffff_ffff, "CPU entry area"),
    (0xffff_ff00_0000_0000...0xffff_ff7f_ffff_ffff, "espfix stacks"),
    (0xffff_ffef_0000_0000...0xffff_fffe_ffff_ffff, "EFI runtime services"),
    (x86Modules, "modules"),
    (0xffff_ffff_ff60_0000...0xffff_ffff_ff60_0fff, "vsyscall page"),
    (0xffff_ffff_ff00_0000...0xffff_ffff_ffdf_ffff, "fixmap"),
  ]

  private func x86Region(
    of address: UInt64, in view: MemoryView
  ) throws(ReadFault) -> KernelRegion? {
    // KASLR moves the regions whose base is a variable.
    let (vmalloc, vmemmap) = try view.together(
      base("vmalloc_base", in: view), base("vmemmap_base", in: view))
    let isFiveLevel = addressSpace.tables.format.levels.count == 5
    // VMALLOC_SIZE_TB_L4 and _L5 of arch/x86/include/asm/pgtable_64_types.h.
    let vmallocSize: UInt64 = (isFiveLevel ? 12800 : 32) << 40
    let vmemmapSize: UInt64 = (isFiveLevel ? 512 : 1) << 40
    if let vmalloc, address >= vmalloc, address - vmalloc < vmallocSize {
      return KernelRegion("vmalloc")
    }
    if let vmemmap, address >= vmemmap, address - vmemmap < vmemmapSize {
      return KernelRegion("vmemmap")
    }
    return Self.x86Regions.first { $0.0.contains(address) }.map { KernelRegion($0.1) }
  }

  private func base(_ symbol: String, in view: MemoryView) throws(ReadFault) -> UInt64? {
    guard let address = symbols.address(of: symbol) else { return nil }
    return try view.u64(at: KernelVirtualAddress(address))
  }
}
