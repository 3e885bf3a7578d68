/// How a C compiler for x86-64 or arm64 lays types out if nothing is said of it.
final class CLayout {
  private let btf: BTF
  /// No struct is larger: BTF has its size in 32 bits.
  private static let mostBytes = 1 << 32
  private var alignments: [BTF.TypeID: Int] = [:]

  init(_ btf: BTF) { self.btf = btf }

  /// A member with its place in bits from the start of its struct.
  struct Place {
    var start: Int
    var size: Int
    /// Of the type; of a bit-field of the type that it is of.
    var alignment: Int
    /// The size of a bit-field's type, in bits; nil for any other member.
    var unit: Int?
    var end: Int { start + size }
  }

  /// Nil for a member whose type has no size: a flexible array of what is only declared.
  func place(of member: BTFType.Member, depth: Int) throws(BTFError) -> Place? {
    guard let size = btf.size(of: member.type) else {
      // A flexible array has no elements; any other is of a type that has a size.
      if case .array(_, _, let count) = try btf.type(try btf.resolve(member.type)), count > 0 {
        throw .malformed("an array of \(count) elements that no memory holds", offset: 0)
      }
      return nil
    }
    guard size <= Self.mostBytes else {
      throw .malformed("a member of \(size) bytes", offset: 0)
    }
    let alignment = 8 * (try self.alignment(of: member.type, depth: depth))
    var bits = member.bitSize
    // Old compilers say the bits of a bit-field in a type of its own.
    if bits == 0, case .int(let size, let count, _, _) = try btf.type(try btf.resolve(member.type)),
      count > 0, count != 8 * size
    {
      bits = count
    }
    guard bits > 0 else {
      return Place(start: member.bitOffset, size: 8 * size, alignment: alignment, unit: nil)
    }
    return Place(start: member.bitOffset, size: bits, alignment: alignment, unit: 8 * size)
  }

  /// Bytes; 1 for a struct that must be packed.
  func alignment(of id: BTF.TypeID, depth: Int = 0) throws(BTFError) -> Int {
    guard depth < BTF.maxDepth else { throw .tooDeep(id: id) }
    let resolved = try btf.resolve(id)
    if let known = alignments[resolved] { return known }
    let alignment = try computed(of: resolved, depth: depth)
    alignments[resolved] = alignment
    return alignment
  }

  /// - Parameter id: neither a typedef nor a qualifier.
  private func computed(of id: BTF.TypeID, depth: Int) throws(BTFError) -> Int {
    switch try btf.type(id) {
    case .int(let size, _, _, _), .float(let size), .enum(let size, _, _), .enum64(let size, _, _):
      return [1, 2, 4, 8, 16].contains(size) ? size : 1
    case .ptr: return 8
    case .array(let element, _, _): return try alignment(of: element, depth: depth + 1)
    case .struct(let size, let members), .union(let size, let members):
      let natural = try naturalAlignment(of: members, depth: depth + 1)
      return try isPacked(members, size: size, natural, depth: depth + 1) ? 1 : natural
    default: return 1
    }
  }

  /// True where only a packed struct has its members in their places.
  func isPacked(_ id: BTF.TypeID) throws(BTFError) -> Bool {
    guard let members = try btf.members(of: id), let size = btf.size(of: id) else { return false }
    return try isPacked(members, size: size, try naturalAlignment(of: members, depth: 0), depth: 0)
  }

  private func naturalAlignment(
    of members: [BTFType.Member], depth: Int
  ) throws(BTFError) -> Int {
    var alignment = 1
    for member in members {
      alignment = max(alignment, try self.alignment(of: member.type, depth: depth))
    }
    return alignment
  }

  private func isPacked(
    _ members: [BTFType.Member], size: Int, _ alignment: Int, depth: Int
  ) throws(BTFError) -> Bool {
    guard size.isMultiple(of: alignment) else { return true }
    for member in members {
      guard let place = try place(of: member, depth: depth) else { continue }
      if let unit = place.unit {
        guard unit > 0, place.start / unit == (place.end - 1) / unit else { return true }
      } else if !place.start.isMultiple(of: place.alignment) {
        return true
      }
    }
    return false
  }
}
