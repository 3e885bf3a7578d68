import GuestScopeBTF
import GuestScopeGuestMemory

/// What a `Member`, `OptionalMember` or `Link` says of its member.
struct MemberDeclaration: Sendable {
  enum Form: Sendable {
    case value(ValueForm)
    /// Makes the layout of the structure that the member leads to, from its type.
    case link(@Sendable (BTF, BTF.TypeID) throws(BTFError) -> any AnyStructLayout)
  }

  var path: String
  var isRequired: Bool
  var form: Form
  /// Bytes that the member must have.
  var size: Int?
}

protocol DeclaredMember {
  var declaration: MemberDeclaration { get }
}

extension Member: DeclaredMember {}
extension OptionalMember: DeclaredMember {}
extension Link: DeclaredMember {}

/// A layout without the structure that it is of.
protocol AnyStructLayout: Sendable {
  /// The bytes of the structure that its declared members lie in.
  var extent: Range<Int> { get }
}

/// Where the declared members of a structure are in one kernel.
public struct StructLayout<Struct: KernelStruct>: AnyStructLayout {
  /// `sizeof`, in bytes.
  public let size: Int
  let declared = Struct()
  let places: [String: MemberPlace]
  /// The parts of the structure that are read: one, unless members lie far apart.
  let parts: [Range<Int>]

  var extent: Range<Int> { (parts.first?.lowerBound ?? 0)..<(parts.last?.upperBound ?? 0) }

  /// Members that are further apart than this, in bytes, are read apart: `task_struct` has 10 KB.
  static var gap: Int { 512 }

  /// Finds the structure by its name.
  ///
  /// - Throws: a `BTFError` that names a required member that is missing, or one whose type is not
  ///   the one that is declared.
  public init(_ btf: BTF) throws(BTFError) {
    let required = Self.members(of: Struct()).filter(\.isRequired).map(\.path)
    try self.init(btf, type: try btf.structID(Struct.kernelName, having: required))
  }

  /// The same of the structure with this type id, which may have no name.
  init(_ btf: BTF, type: BTF.TypeID) throws(BTFError) {
    var places: [String: MemberPlace] = [:]
    for member in Self.members(of: declared) {
      guard let field = try btf.field(member.path, in: type) else {
        if member.isRequired {
          throw .noMember(path: member.path, structName: Struct.kernelName)
        }
        continue
      }
      places[member.path] = try MemberPlace(field, member, of: Struct.kernelName, btf)
    }
    size = btf.size(of: type) ?? 0
    parts = Self.parts(of: places.values.map(\.span))
    self.places = places
  }

  /// True when this kernel has the member.
  public func has<Value>(_ member: KeyPath<Struct, OptionalMember<Value>>) -> Bool {
    places[declared[keyPath: member].declaration.path] != nil
  }

  public func has<Target>(_ member: KeyPath<Struct, Link<Target>>) -> Bool {
    places[declared[keyPath: member].declaration.path] != nil
  }

  /// The structure around an embedded one: `container_of` of include/linux/container_of.h.
  public func container<Target>(
    of object: KernelVirtualAddress, as member: KeyPath<Struct, Link<Target>>
  ) -> KernelVirtualAddress {
    object + -(places[declared[keyPath: member].declaration.path]?.offset ?? 0)
  }

  /// `sizeof` of what a link leads to; nil where this kernel lacks the member.
  public func size<Target>(of member: KeyPath<Struct, Link<Target>>) -> Int? {
    (places[declared[keyPath: member].declaration.path]?.target as? StructLayout<Target>)?.size
  }

  private static func members(of declared: Struct) -> [MemberDeclaration] {
    Mirror(reflecting: declared).children.compactMap {
      ($0.value as? any DeclaredMember)?.declaration
    }
  }

  private static func parts(of spans: [Range<Int>]) -> [Range<Int>] {
    var parts: [Range<Int>] = []
    for span in spans.sorted(by: { $0.lowerBound < $1.lowerBound }) where !span.isEmpty {
      if let last = parts.last, span.lowerBound - last.upperBound <= gap {
        parts[parts.count - 1] = last.lowerBound..<max(last.upperBound, span.upperBound)
      } else {
        parts.append(span)
      }
    }
    return parts
  }
}

/// Where one declared member is, in bytes from the start of its structure.
struct MemberPlace: Sendable {
  var offset: Int
  var size: Int
  /// Of a bit-field of one bit.
  var bit: Int?
  /// The layout of what a link leads to, and whether a pointer stands between.
  var target: (any AnyStructLayout)?
  var isPointer = false

  /// What must be read to have the member: of an embedded structure its declared members.
  var span: Range<Int> {
    guard let target, !isPointer else { return offset..<offset + size }
    return offset + target.extent.lowerBound..<offset + target.extent.upperBound
  }

  init(
    _ field: Field, _ member: MemberDeclaration, of name: String, _ btf: BTF
  ) throws(BTFError) {
    (offset, size) = (field.offset, field.size)
    let type = try btf.type(try btf.resolve(field.type))
    func otherType(_ expected: String) -> BTFError {
      let found =
        field.bits.map { "a bit-field of \($0.count) bit" + ($0.count == 1 ? "" : "s") }
        ?? "\(type.kindName) of \(field.size) byte" + (field.size == 1 ? "" : "s")
      return .otherType(
        path: member.path, structName: name, found: found,
        expected: expected)
    }
    switch (member.form, type) {
    case (.value(let form), _):
      let expected = form.rawValue + (member.size.map { " of \($0) bytes" } ?? "")
      guard try Self.matches(form, type, btf) else { throw otherType(expected) }
      if let bits = field.bits {
        guard bits.count == 1, member.size == 1 else { throw otherType(expected) }
        (offset, size, bit) = (field.offset + bits.lowerBound / 8, 1, bits.lowerBound % 8)
      } else if let wanted = member.size, wanted != size {
        throw otherType(expected)
      }
    case (.link(let layout), .ptr(let pointee)):
      target = try layout(btf, try btf.resolve(pointee))
      isPointer = true
    case (.link(let layout), .struct), (.link(let layout), .union):
      target = try layout(btf, try btf.resolve(field.type))
    case (.link, _):
      throw otherType("a structure or a pointer to one")
    }
  }

  private static func matches(
    _ form: ValueForm, _ type: BTFType, _ btf: BTF
  ) throws(BTFError) -> Bool {
    switch (form, type) {
    case (.integer, .int), (.integer, .enum), (.integer, .enum64), (.pointer, .ptr): true
    case (.text, .array(let element, _, _)): btf.size(of: element) == 1
    default: false
    }
  }
}

extension BTFType {
  fileprivate var kindName: String {
    switch self {
    case .int: "an integer"
    case .ptr: "a pointer"
    case .array: "an array"
    case .struct: "a struct"
    case .union: "a union"
    case .enum, .enum64: "an enum"
    default: "another type"
    }
  }
}
