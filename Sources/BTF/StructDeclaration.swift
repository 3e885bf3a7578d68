import GuestScopeBytes

/// A struct as its source declares it, for a kernel that has it and whose BTF does not. Where its members
/// are follows from the sizes of their types, which that kernel's BTF has.
public struct StructDeclaration: Sendable {
  public var name: String
  public var members: [(name: String, type: MemberType)]

  /// What a member is of.
  public enum MemberType: Sendable {
    /// A pointer to whatever it may be.
    case pointer
    /// A struct or union of the kernel.
    case structure(String)
    /// A typedef of the kernel: `u32`.
    case typedef(String)
  }

  /// - Parameter members: all up to the last one that is needed, in their order.
  public init(_ name: String, _ members: [(name: String, type: MemberType)]) {
    (self.name, self.members) = (name, members)
  }
}

extension BTF {
  /// The types of `base`, and structs that are laid out as a C compiler does it where no attribute
  /// says otherwise.
  ///
  /// - Throws: where `base` lacks a type that a member is of.
  public static func declaring(
    _ declarations: [StructDeclaration], base: BTF
  ) throws(BTFError) -> BTF {
    var encoder = StructEncoder(base)
    for declaration in declarations { try encoder.add(declaration) }
    return try BTF(encoder.blob, base: base)
  }
}

/// Writes structs as Documentation/bpf/btf.rst says, after the types of a base.
private struct StructEncoder {
  private let base: BTF
  private let layout: CLayout
  private var types: [UInt32]
  private var strings: [UInt8] = [0]
  /// The first type is a pointer to void.
  private let pointer: BTF.TypeID

  init(_ base: BTF) {
    (self.base, layout, pointer) = (base, CLayout(base), base.endID)
    types = [0, Self.info(.ptr), BTF.TypeID.void.rawValue]
  }

  private static func info(_ kind: BTFKind, count: Int = 0) -> UInt32 {
    UInt32(kind.rawValue) << 24 | UInt32(count)
  }

  mutating func add(_ declaration: StructDeclaration) throws(BTFError) {
    var (members, end, widest) = ([UInt32](), 0, 1)
    for (name, type) in declaration.members {
      let (id, size, alignment) = try self.type(type, of: declaration.name)
      let start = (end + alignment - 1) / alignment * alignment
      members += [string(name), id.rawValue, UInt32(truncatingIfNeeded: 8 * start)]
      (end, widest) = (start + size, max(widest, alignment))
    }
    let size = (end + widest - 1) / widest * widest
    types += [
      string(declaration.name), Self.info(.struct, count: declaration.members.count),
      UInt32(truncatingIfNeeded: size),
    ]
    types += members
  }

  private func type(
    _ type: StructDeclaration.MemberType, of name: String
  ) throws(BTFError) -> (BTF.TypeID, size: Int, alignment: Int) {
    let id: BTF.TypeID
    switch type {
    case .pointer: return (pointer, 8, 8)
    case .structure(let structName): id = try base.structID(structName)
    case .typedef(let typedefName):
      guard let typedef = base.id(named: typedefName, kind: .typedef) else {
        throw .noTypedef(name: typedefName)
      }
      id = typedef
    }
    // Sizes of structs may be any number of 32 bits in damaged types.
    guard let size = base.size(of: id), size < 1 << 16 else {
      throw .malformed("a member of struct \(name) without a size", offset: 0)
    }
    return (id, size, try layout.alignment(of: id))
  }

  private mutating func string(_ text: String) -> UInt32 {
    defer { strings += Array(text.utf8) + [0] }
    return base.endString + UInt32(strings.count)
  }

  var blob: [UInt8] {
    let header: [UInt32] = [
      UInt32(BTF.Header.magic) | 1 << 16, 24, 0, UInt32(4 * types.count), UInt32(4 * types.count),
      UInt32(strings.count),
    ]
    return (header + types).flatMap { word in
      (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
    } + strings
  }
}
