import GuestScopeBTF
import GuestScopeBytes
import GuestScopeKernelImage

extension IDR {
  /// Finds a `struct idr` that DEFINE_IDR of include/linux/idr.h makes, where kallsyms has functions
  /// only.
  ///
  /// - Parameters:
  ///   - type: nm(1)'s letter.
  ///   - functions: each names this idr and no other.
  public static func recipe(
    _ symbol: String, type: Character = "d", functions: [String]
  ) -> SymbolRecipe {
    SymbolRecipe(symbol, type: type, functions: functions, least: 2) { address, image, types in
      guard let types, address.isMultiple(of: 8) else { return false }
      return isUnused(at: address, in: image, types)
    }
  }

  /// True for an idr as it is in the image: zeros, but for its flags.
  private static func isUnused(
    at address: UInt64, in image: MemoryRegion, _ types: BTF
  ) -> Bool {
    guard let id = try? types.structID("idr", having: ["idr_rt.xa_flags"]),
      let size = types.size(of: id),
      let place = try? types.field("idr_rt.xa_flags", in: id)?.offset,
      let bytes = image.bytes(at: address, count: size), let flags = bytes.u32(at: place)
    else { return false }
    let rest = bytes[..<place] + bytes[(place + 4)...]
    // ROOT_IS_IDR is 1 << 2; IDR_RT_MARKER has one tag bit, above the bits of gfp_t (22 or more).
    return rest.allSatisfy { $0 == 0 } && flags & 0x3f_ffff == 4
      && (flags >> 22).nonzeroBitCount == 1
  }
}
