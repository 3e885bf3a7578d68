/// Where a member lies in a struct.
public struct Field: Equatable, Sendable {
  /// Bytes from the start of the outermost struct.
  public let offset: Int
  /// Bytes to read at `offset`: the size of the member's type, or of what holds a bit-field's bits.
  public let size: Int
  /// The id of the member's type.
  public let type: BTF.TypeID
  /// The bits of a bit-field in the little-endian number of `size` bytes at `offset`, nil for a
  /// whole member.
  public let bits: Range<Int>?
}

extension BTF {
  /// Where a member lies in a struct, or nil when this kernel has no such member.
  ///
  /// `path` is that of a `MemberPath`, but does not go through pointers: `idr_rt.xa_head`. Throws when
  /// the struct itself is missing, when there are several of this name, or when the types are
  /// damaged.
  public func field(_ path: String, of structName: String) throws(BTFError) -> Field? {
    try field(path, in: try structID(structName))
  }

  /// Like `field`, but a missing member is an error that names struct and member, and of several
  /// structs of this name it is the one that has the member.
  public func requiredField(_ path: String, of structName: String) throws(BTFError) -> Field {
    try requiredField(path, in: try structID(structName, having: [path]))
  }

  /// The same of the struct or union with this type id.
  public func requiredField(_ path: String, in structID: TypeID) throws(BTFError) -> Field {
    guard let field = try field(path, in: structID) else {
      throw .noMember(path: path, structName: try name(of: structID))
    }
    return field
  }

  /// Where a member lies in the struct or union with this type id.
  public func field(_ path: String, in structID: TypeID) throws(BTFError) -> Field? {
    guard let path = MemberPath(path), !path.steps.isEmpty else { return nil }
    let route: MemberRoute
    do throws(BTFError) {
      route = try self.route(path, from: structID)
    } catch {
      if error.isOfPath { return nil }
      throw error
    }
    guard route.pointers.isEmpty else { return nil }
    let size = route.bits.map { ($0.upperBound + 7) / 8 } ?? size(of: route.type) ?? 0
    return Field(offset: route.offset, size: size, type: route.type, bits: route.bits)
  }

  /// The bytes that a value of this type takes, or nil for void, functions, forward declarations,
  /// damaged types and those that no address space holds.
  public func size(of id: TypeID) -> Int? {
    var count = 1
    var id = id
    for _ in 0..<Self.maxDepth {
      guard let resolved = try? resolve(id), let (kind, word) = try? header(of: resolved)
      else { return nil }
      let size: Int
      switch kind {
      case .array:
        guard case .array(let element, _, let length) = try? type(resolved) else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: length)
        if overflow { return nil }
        count = product
        id = element
        continue
      case .int, .float, .struct, .union, .enum, .enum64, .datasec: size = Int(word)
      case .ptr: size = 8
      default: return nil
      }
      let (total, overflow) = count.multipliedReportingOverflow(by: size)
      return overflow || total > Self.mostBytes ? nil : total
    }
    return nil
  }

  /// Numbers of bits and sums of a few sizes do not overflow.
  private static let mostBytes = 1 << 48

  /// What a type is beneath typedefs, qualifiers, type tags and variables.
  public func resolve(_ id: TypeID) throws(BTFError) -> TypeID {
    var at = id
    for _ in 0..<Self.maxDepth {
      let (kind, word) = try header(of: at)
      switch kind {
      case .typedef, .volatile, .const, .restrict, .typeTag, .var: at = TypeID(word)
      default: return at
      }
    }
    throw .tooDeep(id: id)
  }

  /// The members of a struct or union beneath typedefs and qualifiers, or nil when it is neither.
  public func members(of id: TypeID) throws(BTFError) -> [BTFType.Member]? {
    let resolved = try resolve(id)
    let kind = try kind(of: resolved)
    guard kind == .struct || kind == .union else { return nil }
    switch try type(resolved) {
    case .struct(_, let members), .union(_, let members): return members
    default: return nil
    }
  }

  /// Types nest less deep than this in any kernel (the kernel's own limit, `MAX_RESOLVE_DEPTH`, is
  /// 32).
  public static let maxDepth = 64
  /// Members looked at in one struct: anonymous members that contain others twice would double at
  /// each level.
  static let maxSteps = 1 << 18

  /// Where the member of a struct or union with this name lies; nil when there is none.
  func place(of name: String, in id: TypeID) throws(BTFError) -> Field? {
    var steps = Self.maxSteps
    guard let member = try member(Array(name.utf8), of: id, depth: 0, &steps) else { return nil }
    return try field(of: member, bitOffset: member.bitOffset)
  }

  /// A member by its name, also in anonymous members; its bit offset is from the start of `id`.
  private func member(
    _ name: [UInt8], of id: TypeID, depth: Int, _ steps: inout Int
  ) throws(BTFError) -> BTFType.Member? {
    guard depth < Self.maxDepth else { throw .tooDeep(id: id) }
    for member in try members(of: id) ?? [] {
      steps -= 1
      guard steps > 0 else { throw .tooDeep(id: id) }
      if equal(member.name, name) { return member }
      guard member.name.isEmpty, member.bitSize == 0,
        let inner = try self.member(name, of: member.type, depth: depth + 1, &steps)
      else { continue }
      return BTFType.Member(
        name: inner.name, type: inner.type, bitOffset: member.bitOffset + inner.bitOffset,
        bitSize: inner.bitSize)
    }
    return nil
  }

  /// Where a member lies in its own struct.
  public func place(of member: BTFType.Member) throws(BTFError) -> Field {
    try field(of: member, bitOffset: member.bitOffset)
  }

  /// The bytes and bits of a member that begins `bitOffset` bits into the outermost struct.
  func field(of member: BTFType.Member, bitOffset: Int) throws(BTFError) -> Field {
    var first = bitOffset
    var bitSize = member.bitSize
    if bitSize == 0, case .int(let size, let bits, let skipped, _) = try type(resolve(member.type)),
      bits != 8 * size
    {
      // Without the struct's flag it is the int that says which of its bits are used.
      first += skipped
      bitSize = bits
    }
    guard bitSize > 0 || !first.isMultiple(of: 8) else {
      return Field(
        offset: first / 8, size: size(of: member.type) ?? 0, type: member.type, bits: nil)
    }
    let low = first % 8
    return Field(
      offset: first / 8, size: (low + bitSize + 7) / 8, type: member.type,
      bits: low..<low + bitSize)
  }
}
