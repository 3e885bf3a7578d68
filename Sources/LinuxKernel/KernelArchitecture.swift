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

  /// Finds the image from a vCPU's registers and the page tables behind them.
  ///
  /// - Throws: `KernelError.noKernel` with what the guest does instead: firmware, a boot loader,
  ///   another system.
  func locate(_ registers: VCPURegisters, _ engine: SnapshotEngine) throws(KernelError)
    -> KernelLocation

  /// How far the kernel may run from where it was linked, modulo 2^64: the build-id decides.
  func slides(of symbols: KernelSymbols, base: UInt64, at location: KernelLocation) -> [UInt64]

  /// Variables of the image of 8 bytes that are set once, at boot, and that `map` wants.
  var placeVariables: [String] { get }

  /// Where the kernel keeps its tables and its map of all memory.
  ///
  /// - Throws: `KernelError.noKernel` when its variables contradict its page tables.
  func map(_ kernel: KernelPlace, _ engine: SnapshotEngine) throws(KernelError) -> KernelMap

  /// Registers of a vCPU that change with the kernel that it is in.
  var livenessRegisters: [String] { get }

  /// True when a vCPU with these registers is in the kernel whose CPUs and tables are given.
  func isAlive(_ registers: VCPURegisters, cpus: [CPU], context: WalkContext) -> Bool
}

/// An image that was found, with its symbols and variables.
struct KernelPlace {
  var file: String
  var location: KernelLocation
  /// At the addresses of this boot.
  var symbols: KernelSymbols
  /// Of `placeVariables`, those that the kernel has.
  var variables: [String: UInt64]

  /// What a variable of `placeVariables` holds that every kernel has.
  func variable(_ name: String) throws(KernelError) -> UInt64 {
    _ = try symbols.required(name, in: file)
    guard let value = variables[name] else { throw .unreadableVariable(name) }
    return value
  }
}

extension KernelSymbols {
  /// The address of a symbol that every kernel must have.
  func required(_ symbol: String, in file: String) throws(KernelError) -> UInt64 {
    do {
      if let found = try named(symbol).first { return found.address }
    } catch {
      throw .ambiguousSymbol(error, file: file)
    }
    // `linux_banner` is data, and in every kernel.
    throw address(of: "linux_banner") == nil
      ? .dataSymbolNotFound(symbol, file: file) : .symbolNotFound(symbol, file: file)
  }
}

/// What translating a kernel's addresses needs.
struct KernelMap {
  var context: WalkContext
  /// Nil where the kernel does not say where it maps all memory: tables say it page by page.
  var directMap: KernelAddressSpace.Window?
}

extension KernelImage.Architecture {
  var kernel: any KernelArchitecture {
    switch self {
    case .x86: X86Architecture()
    case .arm64: Arm64Architecture()
    }
  }
}
