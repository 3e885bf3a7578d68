import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelImage
import GuestScopeLinuxKernel

/// What has happened to the kernel: `tainted_mask` of kernel/panic.c, as in
/// /proc/sys/kernel/tainted.
public struct Taint: OptionSet, Hashable, Sendable {
  public var rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }

  // Numbers of include/linux/panic.h.
  public static let died = Taint(rawValue: 1 << 7)
  public static let warned = Taint(rawValue: 1 << 9)
  public static let lockedUp = Taint(rawValue: 1 << 14)

  /// By number, as Documentation/admin-guide/tainted-kernels.rst has them; numbers are never given
  /// to another meaning.
  private static let letters = Array("PFSRMBUDAWCIOELKXTNJ")

  /// As an oops prints them, without those that are not set.
  public var letters: String {
    String(
      Self.letters.enumerated().compactMap { rawValue >> $0.offset & 1 == 1 ? $0.element : nil })
  }
}

extension Walk {
  /// Nil where this kernel does not show it.
  public func taint() throws(ReadFault) -> Taint? {
    guard let address = kernel.symbols.address(of: "tainted_mask") else { return nil }
    do throws(ReadFault) {
      return Taint(rawValue: try view.u64(at: KernelVirtualAddress(address)))
    } catch .unreadable {
      return nil
    }
  }
}

extension Taint {
  /// Finds `tainted_mask` where kallsyms has functions only.
  static let symbolRecipe = SymbolRecipe(
    "tainted_mask", type: "d", functions: ["add_taint", "test_taint", "get_taint"], least: 3
  ) { address, image, _ in
    address.isMultiple(of: 8) && (!image.isRunning || image.bytes(at: address, count: 8) != nil)
  }
}
