import GuestScopeGuestMemory
import GuestScopeKernelImage

/// A symbol of code or data that was loaded after the kernel: of a module, or of BPF.
public struct LoadedSymbol: Hashable, Sendable {
  public var name: String
  public var address: KernelVirtualAddress
  /// nm(1)'s letter for its kind; small, as nothing says that a symbol is exported.
  public var type: Character
  /// The name of the module, or `bpf`, as /proc/kallsyms has it in brackets.
  public var module: String

  public init(name: String, address: KernelVirtualAddress, type: Character, module: String) {
    (self.name, self.address, self.type, self.module) = (name, address, type, module)
  }
}

extension GuestKernel {
  /// True for an address at which modules or compiled BPF programs can be: to look for its symbol
  /// costs reads.
  public func isLoadable(_ address: KernelVirtualAddress) -> Bool {
    guard addressSpace.tables.isCanonical(address),
      !addressSpace.windows.contains(where: { $0.virtual.contains(address.rawValue) })
    else { return false }
    // On x86-64 code must be near the image; on arm64 it may be anywhere in vmalloc.
    return architecture != .x86 || Self.x86Modules.contains(address.rawValue)
  }
}
