import GuestScopeBTF
import GuestScopeBytes

extension MemberPlace {
  /// No member of the kernel's is larger.
  private static let mostBytes = 1 << 20

  /// Checks what the BTF says of a member against its declaration.
  init(
    _ field: Field, of member: DeclaredMember, path: String, structName: String,
    _ layouts: StructLayouts, depth: Int
  ) throws(BTFError) {
    let btf = layouts.btf
    let type = try btf.type(try btf.resolve(field.type))
    func otherType(_ expected: String) -> BTFError {
      let found =
        field.bits.map { "a bit-field of " + counted($0.count, "bit") }
        ?? "\(type.kindName) of " + counted(field.size, "byte")
      return .otherType(path: path, structName: structName, found: found, expected: expected)
    }
    guard field.size <= Self.mostBytes else {
      throw otherType("a member of at most \(Self.mostBytes) bytes")
    }
    (offset, size, bits) = (field.offset, field.size, field.bits)
    span = field.offset..<field.offset + field.size
    switch (member.form, type) {
    case (.integer, .int), (.integer, .enum), (.integer, .enum64):
      if let bits = field.bits {
        guard let size = member.size, size == 1, bits.count <= 8 else {
          throw otherType("an integer of \(member.size ?? 0) bytes")
        }
      } else if let size = member.size, field.size != size {
        throw otherType("an integer of \(size) bytes")
      }
    case (.pointer, .ptr): break
    case (.array(let size), .array(let element, _, _)) where btf.sizeOfElement(element) == size:
      guard member.size == nil || member.size == field.size else {
        throw otherType("an array of \(member.size ?? 0) bytes")
      }
    case (.link, .ptr(let pointee)):
      isPointer = true
      self.target = try btf.structure(at: pointee)
    case (.link(let target), .struct), (.link(let target), .union):
      let id = try btf.resolve(field.type)
      self.target = id
      let inner = try layouts.extent(of: target, type: id, depth: depth + 1)
      span = offset + inner.lowerBound..<offset + inner.upperBound
    case (.place, .struct), (.place, .union):
      target = try btf.resolve(field.type)
      span = offset..<offset
    case (.items, .ptr(var pointee)):
      if case .ptr(let inner) = try btf.type(try btf.resolve(pointee)) {
        (isPointer, pointee) = (true, inner)
      }
      target = try btf.structure(at: pointee)
    default: throw otherType(member.form.text + (member.size.map { " of \($0) bytes" } ?? ""))
    }
  }
}

extension MemberForm {
  fileprivate var text: String {
    switch self {
    case .integer: "an integer"
    case .pointer: "a pointer"
    case .array(1): "text"
    case .array(let size): "an array of elements of \(size) bytes"
    case .link: "a structure or a pointer to one"
    case .items: "a pointer to an array"
    case .place: "a structure"
    }
  }
}

extension BTF {
  /// Bytes of an element of an array whose elements may be arrays themselves: some compilers of BTF have one
  /// array of several dimensions, others an array of arrays.
  fileprivate func sizeOfElement(_ element: BTF.TypeID) -> Int? {
    var element = element
    for _ in 0..<BTF.maxDepth {
      guard let resolved = try? resolve(element),
        case .array(let inner, _, _)? = try? type(resolved)
      else { return size(of: element) }
      element = inner
    }
    return nil
  }

  /// The structure that a pointer leads to; nil where the BTF does not say more than that it is a
  /// pointer, and the name of the declaration says which.
  fileprivate func structure(at pointee: BTF.TypeID) throws(BTFError) -> BTF.TypeID? {
    let resolved = try resolve(pointee)
    switch try type(resolved) {
    case .struct, .union: return resolved
    default: return nil
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
