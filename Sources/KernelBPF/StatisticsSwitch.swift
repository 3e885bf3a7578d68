import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// Whether the kernel counts how often programs run, and for how long: the static key
/// `bpf_stats_enabled_key` of kernel/bpf/core.c. The sysctl kernel.bpf_stats_enabled turns it on,
/// and so does BPF_ENABLE_STATS since 5.8 (commit d46edd671a14). Misses are counted either way.
public struct StatisticsSwitch: Sendable {
  private let enabled: KernelVirtualAddress

  /// Nil for a kernel of which this cannot be known.
  public init?(_ kernel: GuestKernel) {
    guard let key = kernel.symbols.address(of: "bpf_stats_enabled_key"),
      let field = try? kernel.btf.field("key.enabled", of: "static_key_false"), field.size == 4
    else { return nil }
    enabled = KernelVirtualAddress(key) + field.offset
  }

  static func prepared(for kernel: GuestKernel) -> StatisticsSwitch? {
    (try? kernel.prepared { StatisticsSwitch(kernel) }) ?? nil
  }

  /// Nil where it cannot be read. A number below zero is a key that is just being enabled
  /// (`static_key_count` of kernel/jump_label.c).
  public func isOn(in view: MemoryView) throws(ReadFault) -> Bool? {
    do throws(ReadFault) { return try view.u32(at: enabled) != 0 } catch .unreadable { return nil }
  }
}
