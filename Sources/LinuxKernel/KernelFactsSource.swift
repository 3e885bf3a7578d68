import GuestScopeGuestMemory
import GuestScopeKernelImage

/// A source of the facts of a kernel that was found at a place: a file that the user gave, or the guest's own
/// memory.
public protocol KernelFactsSource {
  var architecture: KernelFacts.Architecture { get }

  /// The facts of the kernel that may be at a place; whether it is there is checked afterwards.
  func facts(
    of location: KernelLocation, in engine: SnapshotEngine
  ) throws(KernelError) -> KernelFacts
}

/// The facts of a file are the same at all places.
extension KernelFacts: KernelFactsSource {
  public func facts(
    of location: KernelLocation, in engine: SnapshotEngine
  ) throws(KernelError) -> KernelFacts { self }
}

extension KernelFacts.Architecture {
  /// - Parameter name: `GuestSource.architecture`, GDB's word for it; nil for one that is not known.
  public init?(ofSource name: String) {
    switch name {
    case "i386:x86-64": self = .x86
    case "aarch64": self = .arm64
    default: return nil
    }
  }
}
