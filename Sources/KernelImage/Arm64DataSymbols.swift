import GuestScopeBTF
import GuestScopeBytes

/// Data symbols of an arm64 Image whose kallsyms has functions only (CONFIG_KALLSYMS_ALL=n): what
/// it exports, and static variables that the code of several functions names. Nothing is guessed:
/// what does not pass every check stays unknown.
struct Arm64DataSymbols {
  let region: MemoryRegion
  /// Those of kallsyms.
  let symbols: KernelSymbols
  let types: BTF?

  /// True when kallsyms has no data: `linux_banner` is in every kernel.
  static func areMissing(in symbols: KernelSymbols) -> Bool {
    symbols.address(of: "linux_banner") == nil
  }

  func found() -> [KernelSymbols.Symbol] {
    let exported = ExportedSymbols(in: region, checkedBy: symbols)?.entries ?? []
    var found = exported.filter { symbols.nearest(to: $0.address)?.offset != 0 }.map {
      KernelSymbols.Symbol(name: $0.name, address: $0.address, type: "D")
    }
    for (name, functions) in Self.idrs {
      guard let address = common(to: functions, least: 2, where: isUnusedIDR) else { continue }
      found.append(KernelSymbols.Symbol(name: name, address: address, type: "d"))
    }
    if let address = timekeeper {
      found.append(KernelSymbols.Symbol(name: "tk_core", address: address, type: "b"))
    }
    return found
  }

  /// The tables of ids of kernel/bpf/syscall.c and btf.c, and functions that each name one of them
  /// and no other.
  private static let idrs: KeyValuePairs<String, [String]> = [
    "prog_idr": ["bpf_prog_get_curr_or_next", "bpf_prog_by_id", "bpf_prog_free_id"],
    "map_idr": ["bpf_map_get_curr_or_next", "bpf_map_free_id"],
  ]

  /// `tk_core` of kernel/time/timekeeping.c, which begins a cache line.
  private var timekeeper: UInt64? {
    common(
      to: ["ktime_get", "ktime_get_real_ts64", "ktime_get_raw", "ktime_get_with_offset"], least: 3
    ) { $0 & 0x3f == 0 }
  }

  /// The one address that at least so many of these functions name and that meets a condition;
  /// nil when there are several.
  private func common(
    to functions: [String], least: Int, where condition: (UInt64) -> Bool
  ) -> UInt64? {
    var counts: [UInt64: Int] = [:]
    for function in functions {
      guard let first = symbols.address(of: function),
        let last = symbols.first(where: { $0.address > first })?.address
      else { continue }
      let code = AArch64Code(region: region)
      for address in code.references(from: first, to: last) where condition(address) {
        counts[address, default: 0] += 1
      }
    }
    let common = counts.filter { $0.value >= least }
    return common.count == 1 ? common.first?.key : nil
  }

  /// True for what DEFINE_IDR of include/linux/idr.h makes: a `struct idr` of zeros, but for its
  /// flags.
  private func isUnusedIDR(at address: UInt64) -> Bool {
    guard let id = try? types?.structID("idr", having: ["idr_rt.xa_flags"]),
      let size = types?.size(of: id),
      let place = try? types?.field("idr_rt.xa_flags", in: id)?.offset,
      address.isMultiple(of: 8), let start = region.offset(of: address),
      let bytes = region.bytes.bytes(at: start, count: size).map(Array.init),
      let flags = bytes.u32(at: place)
    else { return false }
    let rest = bytes[..<place] + bytes[(place + 4)...]
    // ROOT_IS_IDR is 1 << 2; IDR_RT_MARKER has one tag bit, above the bits of gfp_t (22 or more).
    return rest.allSatisfy { $0 == 0 } && flags & 0x3f_ffff == 4
      && (flags >> 22).nonzeroBitCount == 1
  }
}
