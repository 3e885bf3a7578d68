import GuestScopeBTF
import GuestScopeBytes

/// Builds BTF blobs type by type; ids count from 1, or from a base's end.
public struct BTFBuilder {
  private var types: [UInt8] = []
  private var strings: [UInt8]
  private let firstString: Int

  public init(base: BTFBuilder? = nil) {
    strings = base == nil ? [0] : []
    firstString = base.map { $0.firstString + $0.strings.count } ?? 0
  }

  /// The offset of a new string.
  public mutating func string(_ text: String) -> UInt32 {
    guard !text.isEmpty else { return 0 }
    defer { strings += Array(text.utf8) + [0] }
    return UInt32(firstString + strings.count)
  }

  public mutating func add(
    _ kind: BTFKind, _ name: String = "", flag: Bool = false, count: Int = 0, _ sizeOrType: UInt32,
    _ rest: [UInt32] = []
  ) {
    let info = UInt32(kind.rawValue) << 24 | UInt32(count) | (flag ? 1 << 31 : 0)
    for word in [string(name), info, sizeOrType] + rest { types.append(littleEndian: word) }
  }

  public mutating func int(_ name: String, size: UInt32, bits: UInt32? = nil, bitOffset: UInt32 = 0)
  {
    add(.int, name, size, [bitOffset << 16 | (bits ?? 8 * size)])
  }

  /// A struct or union; the place of a member is its bit offset, with `flag` also its bit size in
  /// the upper 8 bits.
  public mutating func composite(
    _ kind: BTFKind, _ name: String, size: UInt32, flag: Bool = false,
    _ members: [(name: String, type: UInt32, place: UInt32)]
  ) {
    var rest: [UInt32] = []
    for member in members { rest += [string(member.name), member.type, member.place] }
    add(kind, name, flag: flag, count: members.count, size, rest)
  }

  public var blob: [UInt8] {
    var blob: [UInt8] = [0x9f, 0xeb, 1, 0]
    for word in [24, 0, types.count, types.count, strings.count] {
      blob.append(littleEndian: UInt32(word))
    }
    return blob + types + strings
  }
}
