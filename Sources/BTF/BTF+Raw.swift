/// What only a listing of types shows.
extension BTF {
  /// The linkage of a function or a variable: 0 static, 1 global, 2 extern (`enum btf_func_linkage`
  /// of include/uapi/linux/btf.h); nil for any other type.
  public func linkage(of id: TypeID) throws(BTFError) -> UInt32? {
    guard id != .void else { return nil }
    let (btf, offset) = try locate(id)
    let (kind, info) = try btf.info(at: offset)
    return switch kind {
    case .func: UInt32(info.count)
    case .var: try btf.u32(at: offset + 12)
    default: nil
    }
  }

  /// The name of a type, as the offset of its text; 0 for none.
  public func nameOffset(of id: TypeID) throws(BTFError) -> BTFString {
    guard id != .void else { return BTFString(offset: 0) }
    let (btf, offset) = try locate(id)
    return try btf.string(at: offset)
  }

  /// The types that are not those of the base, ascending.
  public var ownTypeIDs: some Sequence<TypeID> {
    (firstID.rawValue..<endID.rawValue).lazy.map { TypeID($0) }
  }
}
