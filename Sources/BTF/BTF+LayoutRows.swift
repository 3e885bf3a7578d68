/// A line of a struct's layout as pahole(1) shows it.
public struct LayoutRow: Equatable, Sendable {
  /// The member in C without its semicolon, such as `struct bpf_prog_aux *aux` or `u16 jited:1`.
  public let declaration: String
  /// The member's name, empty for an anonymous struct or union; its members follow one deeper.
  public let name: String
  public let depth: Int
  /// From the start of the outermost struct.
  public let field: Field
}

extension BTF {
  /// The members of a struct or union in the order of their declaration, nil when the type is
  /// neither.
  ///
  /// Anonymous structs and unions are opened, named ones are not.
  public func layout(of id: TypeID) throws(BTFError) -> [LayoutRow]? {
    guard let members = try members(of: id) else { return nil }
    var rows: [LayoutRow] = []
    try append(members, of: id, at: 0, depth: 0, to: &rows)
    return rows
  }

  private static let maxRows = 1 << 14

  private func append(
    _ members: [BTFType.Member], of id: TypeID, at start: Int, depth: Int,
    to rows: inout [LayoutRow]
  ) throws(BTFError) {
    guard depth < Self.maxDepth, rows.count + members.count < Self.maxRows else {
      throw .tooDeep(id: id)
    }
    for member in members {
      let name = text(member.name)
      let field = try field(of: member, bitOffset: start + member.bitOffset)
      let declared = try declaration(of: member.type, name: name)
      rows.append(
        LayoutRow(
          declaration: field.bits.map { "\(declared):\($0.count)" } ?? declared, name: name,
          depth: depth, field: field))
      if name.isEmpty, field.bits == nil, let inner = try self.members(of: member.type) {
        try append(
          inner, of: member.type, at: start + member.bitOffset, depth: depth + 1, to: &rows)
      }
    }
  }
}
