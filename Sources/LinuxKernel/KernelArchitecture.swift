import GuestScopeGuestMemory
import GuestScopeKernelImage
import GuestScopePaging

/// What differs between architectures in finding a kernel: which registers and variables to read,
/// and what they say. No walk is in here: page-table formats are data, kernel structures have one
/// walker each.
protocol KernelArchitecture: Sendable {
  /// The registers of a vCPU that lead to the kernel. QEMU versions name some differently: those
  /// that are not there are left out.
  var locatingRegisters: [String] { get }

  /// The format of the page tables that CR4 (x86-64) or TCR_EL1 (arm64) describes; nil where the
  /// register does not describe any yet.
  func pageTableFormat(_ control: UInt64) -> PageTableFormat?

  /// Finds the image from a vCPU's registers and the page tables that they lead to.
  ///
  /// - Throws: `KernelError.noKernel` with what the guest does instead: firmware, a boot loader,
  ///   another system.
  func locate(_ registers: VCPURegisters, _ engine: SnapshotEngine) throws(KernelError)
    -> KernelLocation

  /// How far the kernel may run from where it was linked, modulo 2^64: the build-id decides.
  func slides(of symbols: KernelSymbols, base: UInt64, at location: KernelLocation) -> [UInt64]

  /// Variables of the image of 8 bytes that are set once, at boot, and that
  /// `addressSpace` wants.
  var placeVariables: [String] { get }

  /// The kernel's own tables, and where it maps all memory.
  ///
  /// - Throws: `KernelError.noKernel` when its variables contradict its page tables.
  func addressSpace(
    of image: ImageInGuest, _ engine: SnapshotEngine
  ) throws(KernelError) -> KernelAddressSpace

  /// Registers of a vCPU that change with the kernel that it is in.
  var livenessRegisters: [String] { get }

  /// What registers of a vCPU may be its per-CPU base: the offset of one of the kernel's CPUs.
  func perCPUBases(_ registers: VCPURegisters) -> [UInt64]

  /// Registers that say where a vCPU executes, and whether it takes interrupts.
  var executionRegisters: [String] { get }

  /// What `executionRegisters` say; nil where the source does not give them.
  func execution(_ registers: VCPURegisters) -> (instruction: UInt64, takesInterrupts: Bool)?

  /// True when a vCPU with these registers is in the kernel whose CPUs and tables are given.
  func isAlive(_ registers: VCPURegisters, cpus: [CPU], tables: PageTables) -> Bool
}

extension KernelFacts.Architecture {
  var rules: any KernelArchitecture {
    switch self {
    case .x86: X86Architecture()
    case .arm64: Arm64Architecture()
    }
  }
}
