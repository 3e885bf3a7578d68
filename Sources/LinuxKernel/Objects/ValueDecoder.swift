import GuestScopeBTF
import GuestScopeBytes
import GuestScopeGuestMemory

/// Makes values of the bytes of objects. Nothing is trusted: a damaged type shows as such, and takes
/// nothing from its neighbours.
public struct ValueDecoder {
  let btf: BTF
  /// The text that a pointer to characters leads to, if it is readable.
  let text: (KernelVirtualAddress) -> String?

  public init(_ btf: BTF, text: @escaping (KernelVirtualAddress) -> String? = { _ in nil }) {
    (self.btf, self.text) = (btf, text)
  }

  /// The value of a type.
  ///
  /// - Parameters:
  ///   - offset: of the value in `bytes`.
  ///   - bits: of a bit-field.
  public func value(
    _ type: BTF.TypeID, at offset: Int = 0, in bytes: [UInt8], bits: Range<Int>? = nil
  ) -> KernelValue {
    var steps = Self.maxSteps
    return value(type, at: offset, in: bytes, bits, depth: 0, &steps)
  }

  /// Values in one object, of which none is larger than a megabyte: types of a damaged BTF that
  /// contain others twice would double at each level.
  private static let maxSteps = 1 << 21

  private func value(
    _ type: BTF.TypeID, at offset: Int, in bytes: [UInt8], _ bits: Range<Int>?, depth: Int,
    _ steps: inout Int
  ) -> KernelValue {
    do throws(BTFError) {
      steps -= 1
      guard depth < BTF.maxDepth, steps > 0 else { throw .tooDeep(id: type) }
      return try decode(type, at: offset, in: bytes, bits, depth: depth, &steps)
    } catch {
      return .damaged("\(error)")
    }
  }

  private func decode(
    _ type: BTF.TypeID, at offset: Int, in bytes: [UInt8], _ bits: Range<Int>?, depth: Int,
    _ steps: inout Int
  ) throws(BTFError) -> KernelValue {
    let resolved = try btf.resolve(type)
    switch try btf.type(resolved) {
    case .struct(_, let members), .union(_, let members):
      return .fields(fields(members, at: offset, in: bytes, depth: depth, &steps))
    case .datasec(_, let variables):
      return .fields(fields(variables, at: offset, in: bytes, depth: depth, &steps))
    case .array(let element, _, let count):
      return try array(of: element, count, at: offset, in: bytes, depth: depth, &steps)
    case .ptr(let target):
      guard let word = bytes.u64(at: offset) else { return Self.outside }
      let pointer = KernelVirtualAddress(word)
      let isText = word >> 63 == 1 ? try isCharacter(target) : false
      return .pointer(.init(pointer, to: target, text: isText ? text(pointer) : nil))
    case .int(let size, _, _, let encoding):
      guard size <= 8 else { return .opaque("\(size * 8)-bit number") }
      guard let raw = number(at: offset, size: size, in: bytes, bits) else { return Self.outside }
      return integer(raw, bits: bits?.count ?? size * 8, encoding)
    case .enum(let size, let isSigned, let list), .enum64(let size, let isSigned, let list):
      guard let raw = number(at: offset, size: size, in: bytes, bits) else { return Self.outside }
      return enumeration(raw, width: bits?.count ?? size * 8, isSigned, list)
    default: return .opaque(try btf.declaration(of: type))
    }
  }

  private static let outside = KernelValue.damaged("it lies beyond the end of its object")

  private func fields(
    _ members: [BTFType.Member], at offset: Int, in bytes: [UInt8], depth: Int, _ steps: inout Int
  ) -> [KernelValue.Field] {
    var fields: [KernelValue.Field] = []
    for member in members {
      guard steps > 0 else { break }
      let place = try? btf.place(of: member)
      guard let place else { continue }
      let value = value(
        member.type, at: offset + place.offset, in: bytes, place.bits, depth: depth + 1, &steps)
      let name = btf.text(member.name)
      if name.isEmpty {
        // An unnamed bit-field is padding.
        if case .fields(let inner) = value { fields += inner }
      } else {
        fields.append(KernelValue.Field(name, value))
      }
    }
    return fields
  }

  /// The variables of a section.
  private func fields(
    _ variables: [BTFType.Variable], at offset: Int, in bytes: [UInt8], depth: Int,
    _ steps: inout Int
  ) -> [KernelValue.Field] {
    var fields: [KernelValue.Field] = []
    for variable in variables where steps > 0 {
      let value = value(
        variable.type, at: offset &+ variable.offset, in: bytes, nil, depth: depth + 1, &steps)
      fields.append(KernelValue.Field((try? btf.name(of: variable.type)) ?? "", value))
    }
    return fields
  }

  private func array(
    of element: BTF.TypeID, _ count: Int, at offset: Int, in bytes: [UInt8], depth: Int,
    _ steps: inout Int
  ) throws(BTFError) -> KernelValue {
    let size = btf.size(of: element) ?? 0
    guard size > 0, count > 0 else { return .elements([]) }
    let present = min(count, max(0, bytes.count - offset) / size)
    if size == 1 {
      // None of it is there when a damaged struct has members after its end.
      guard let part = bytes.bytes(at: offset, count: present).map(Array.init) else {
        return Self.outside
      }
      if try isCharacter(element) { return .text(part.nulTerminatedText) }
      if try isByte(element) { return .bytes(part) }
    }
    var elements: [KernelValue] = []
    for index in 0..<present where steps > 0 {
      elements.append(
        value(element, at: offset + index * size, in: bytes, nil, depth: depth + 1, &steps))
    }
    return .elements(elements)
  }

  private func isCharacter(_ type: BTF.TypeID) throws(BTFError) -> Bool {
    try btf.name(of: try btf.resolve(type)) == "char"
  }

  private func isByte(_ type: BTF.TypeID) throws(BTFError) -> Bool {
    guard case .int(1, _, _, let encoding) = try btf.type(try btf.resolve(type)) else {
      return false
    }
    return !encoding.contains(.signed) && !encoding.contains(.bool)
  }
}
