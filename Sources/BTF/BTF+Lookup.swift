import Bytes

extension BTF {
  /// The id of the first type with this name and kind, or nil. Costs a pass over the types.
  public func id(named name: String, kind: BTFKind) -> UInt32? {
    ids(named: name, kind: kind, limit: 1).first
  }

  /// The ids of all types with this name, of one kind or of any, lowest first.
  public func ids(named name: String, kind: BTFKind? = nil) -> [UInt32] {
    ids(named: name, kind: kind, limit: .max)
  }

  /// The id of the struct or union with this name, or that a typedef of this name stands for.
  public func structID(_ name: String) throws(BTFError) -> UInt32 {
    if let id = composite(named: Array(name.utf8)) { return id }
    if let typedef = id(named: name, kind: .typedef) {
      let target = try resolve(typedef)
      switch try kind(of: target) {
      case .struct, .union: return target
      default: break
      }
    }
    throw .noStruct(name: name)
  }

  /// The names and values of the enum with this name, such as `bpf_prog_type`, in order; nil when
  /// there is none.
  public func enumerators(ofEnum name: String) -> [(name: String, value: Int128)]? {
    (id(named: name, kind: .enum) ?? id(named: name, kind: .enum64)).flatMap {
      (try? enumerators(of: $0)) ?? nil
    }
  }

  /// The names and values of an enum, behind typedefs and qualifiers; nil for any other type.
  public func enumerators(of id: UInt32) throws(BTFError) -> [(name: String, value: Int128)]? {
    switch try type(try resolve(id)) {
    case .enum(_, _, let list), .enum64(_, _, let list): list.map { (text($0.name), $0.value) }
    default: nil
    }
  }

  private func ids(named name: String, kind: BTFKind?, limit: Int) -> [UInt32] {
    guard !name.isEmpty else { return [] }
    var found = base?.ids(named: name, kind: kind, limit: limit) ?? []
    let utf8 = Array(name.utf8)
    for (index, offset) in offsets.enumerated() where found.count < limit {
      let at = Int(offset)
      if let kind {
        guard let own = blob.u32(at: at + 4), Info(own).rawKind == kind.rawValue else { continue }
      }
      guard let string = blob.u32(at: at), equal(BTFString(offset: string), utf8) else { continue }
      found.append(firstID + UInt32(index))
    }
    return found
  }

  private func composite(named name: [UInt8]) -> UInt32? {
    if let id = base?.composite(named: name) { return id }
    guard !name.isEmpty else { return nil }
    return composites.first { id in
      guard let string = blob.u32(at: Int(offsets[Int(id - firstID)])) else { return false }
      return equal(BTFString(offset: string), name)
    }
  }
}
