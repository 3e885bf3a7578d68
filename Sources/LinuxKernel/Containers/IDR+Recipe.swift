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
      return isIDR(at: address, in: image, types)
    }
  }

  /// True for an idr as it is in the image of a file, zeros but for its flags, or for one in use.
  private static func isIDR(
    at address: UInt64, in image: ImagePieces, _ types: BTF
  ) -> Bool {
    guard let id = try? types.structID("idr", having: ["idr_rt.xa_flags"]),
      let size = types.size(of: id),
      let place = try? types.field("idr_rt.xa_flags", in: id)?.offset,
      let bytes = image.bytes(at: address, count: size), let flags = bytes.u32(at: place)
    else { return false }
    let rest = bytes[..<place] + bytes[(place + 4)...]
    return hasFlags(flags) && (image.isRunning || rest.allSatisfy { $0 == 0 })
  }
}
