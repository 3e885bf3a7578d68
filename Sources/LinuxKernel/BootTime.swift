import GuestScopeBTF
import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelImage

/// How far the guest's wall clock is ahead of its time since boot, from `tk_core` of
/// kernel/time/timekeeping.c.
public struct BootTime: Sendable {
  /// Finds `tk_core`, which begins a cache line, where kallsyms has functions only.
  public static let symbolRecipe = SymbolRecipe(
    "tk_core", type: "b",
    functions: ["ktime_get", "ktime_get_real_ts64", "ktime_get_raw", "ktime_get_with_offset"],
    least: 3
  ) { address, _, _ in address & 0x3f == 0 }

  private let offsReal: KernelVirtualAddress
  private let offsBoot: KernelVirtualAddress

  /// Nil where this kernel does not show it.
  public init?(_ kernel: GuestKernel) {
    // Since 6.17 the core timekeeper is the first of an array, TIMEKEEPER_CORE.
    let symbols = kernel.symbols
    guard let core = symbols.address(of: "tk_core") ?? symbols.address(of: "timekeeper_data"),
      let real = try? kernel.btf.field("offs_real", of: "timekeeper"),
      let boot = try? kernel.btf.field("offs_boot", of: "timekeeper"),
      let start = Self.timekeeper(kernel.btf)
    else { return nil }
    let timekeeper = KernelVirtualAddress(core) + start
    offsReal = timekeeper + real.offset
    offsBoot = timekeeper + boot.offset
  }

  /// Where `tk_core` has its timekeeper.
  private static func timekeeper(_ btf: BTF) -> Int? {
    // A named struct since 6.13 (commit 2cab490b41d0).
    if let field = try? btf.field("timekeeper", of: "tk_data") { return field.offset }
    // Before, an anonymous one: a seqcount, then the timekeeper on the border of a 64-bit word.
    guard let type = btf.id(named: "seqcount_raw_spinlock_t", kind: .typedef),
      let size = btf.size(of: type)
    else { return nil }
    return (size + 7) & ~7
  }

  /// The one of a kernel, made when it is first wanted.
  public static func prepared(for kernel: GuestKernel) -> BootTime? {
    (try? kernel.prepared { BootTime(kernel) }) ?? nil
  }

  /// Nanoseconds of CLOCK_REALTIME at boot: what to add to a boot time stamp; nil when what the
  /// guest keeps there is not a plausible time, or cannot be read.
  public func offset(in view: MemoryView) throws(ReadFault) -> UInt64? {
    let (real, boot): (UInt64, UInt64)
    do throws(ReadFault) {
      (real, boot) = try view.together(view.u64(at: offsReal), view.u64(at: offsBoot))
    } catch .unreadable {
      return nil
    }
    let offset = real &- boot
    // A clock that was never set runs from 0.
    return Int64(bitPattern: offset) < 0 || offset > Self.latest ? nil : offset
  }

  /// The year 2200, in nanoseconds: a later time is garbage.
  public static let latest: UInt64 = 7_258_118_400_000_000_000
}
