import GuestScopeBTF
import GuestScopeBytes
import GuestScopeLinuxKernel

/// The enumerators of an enumeration of the guest's kernel, with the kernel's spelling: their names
/// and numbers change from version to version.
struct EnumeratorNames: Sendable {
  private let enumerators: [(name: String, value: UInt64)]

  /// - Parameter bits: how many the kernel keeps of a number; an enumerator of an int may be negative.
  init(_ btf: BTF, _ enumeration: String, bits: Int = 64) {
    let mask = UInt64.max >> UInt64(64 - bits)
    enumerators = (btf.enumerators(ofEnum: enumeration) ?? []).map {
      ($0.name, UInt64(truncatingIfNeeded: $0.value) & mask)
    }
  }

  var isEmpty: Bool { enumerators.isEmpty }

  /// The first with this number.
  subscript(number: UInt64) -> String? { enumerators.first { $0.value == number }?.name }

  func value(of name: String) -> UInt64? { enumerators.first { $0.name == name }?.value }

  /// The flags that are set. Where a mask of the enumeration (`…_MASK`) covers several bits, it is a
  /// number, whose enumerator is named. What has no name is there in hexadecimal.
  func flags(in number: UInt64) -> [String] {
    var (rest, names) = (number, [String]())
    for (name, mask) in enumerators where name.hasSuffix("_MASK") && !name.hasPrefix("__") {
      let value = rest & mask
      rest &= ~mask
      if value != 0 { names.append(self[value] ?? value.hex) }
    }
    for (name, flag) in enumerators
    where flag.nonzeroBitCount == 1 && rest & flag != 0 && !Self.isOfLayout(name) {
      names.append(name)
      rest &= ~flag
    }
    return rest == 0 ? names : names + [rest.hex]
  }

  /// Where a number is among the flags, and how wide: not a flag itself.
  private static func isOfLayout(_ name: String) -> Bool {
    name.hasSuffix("_SHIFT") || name.hasSuffix("_BITS")
  }

}
