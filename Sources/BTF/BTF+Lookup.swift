import GuestScopeBytes

extension BTF {
  /// The id of the first type with this name and kind, or nil. Costs a pass over the types.
  public func id(named name: String, kind: BTFKind) -> TypeID? {
    ids(named: name, kind: kind, limit: 1).first
  }

  /// The ids of all types with this name, of one kind or of any, lowest first.
  public func ids(named name: String, kind: BTFKind? = nil) -> [TypeID] {
    ids(named: name, kind: kind, limit: .max)
  }

  /// The id of the struct or union with this name, or that a typedef of this name stands for.
  ///
  /// - Parameter members: paths of members that it must have. Files of a kernel may each have a
  ///   struct of the same name (`struct console` of printk and of a driver): the members that a
  ///   caller needs decide which one it means.
  /// - Throws: `BTFError.ambiguous` when several have all these members.
  public func structID(
    _ name: String, having members: [String] = []
  ) throws(BTFError) -> TypeID {
    var found = composites(named: Array(name.utf8))
    if found.isEmpty, let typedef = id(named: name, kind: .typedef) {
      let target = try resolve(typedef)
      if [.struct, .union].contains(try kind(of: target)) { found = [target] }
    }
    guard !found.isEmpty else { throw .noStruct(name: name) }
    for member in members where found.count > 1 {
      var having: [TypeID] = []
      for id in found where try field(member, in: id) != nil { having.append(id) }
      guard !having.isEmpty else { throw .noMember(path: member, structName: name) }
      found = having
    }
    guard found.count == 1 else { throw .ambiguous(name: name, ids: found) }
    return found[0]
  }

  /// The names and values of the enum with this name, such as `bpf_prog_type`, in order; nil when
  /// there is none.
  public func enumerators(ofEnum name: String) -> [(name: String, value: Int128)]? {
    (id(named: name, kind: .enum) ?? id(named: name, kind: .enum64)).flatMap {
      (try? enumerators(of: $0)) ?? nil
    }
  }

  /// The value of the first enumerator with this name, of whichever enum: some have no name. Costs a
  /// pass over the types.
  public func enumerator(named name: String) -> Int128? {
    let utf8 = Array(name.utf8)
    for id in typeIDs {
      guard let kind = try? kind(of: id), kind == .enum || kind == .enum64 else { continue }
      switch try? type(id) {
      case .enum(_, _, let list)?, .enum64(_, _, let list)?:
        if let found = list.first(where: { equal($0.name, utf8) }) { return found.value }
      default: break
      }
    }
    return nil
  }

  /// The names and values of an enum, through typedefs and qualifiers; nil for any other type.
  public func enumerators(of id: TypeID) throws(BTFError) -> [(name: String, value: Int128)]? {
    switch try type(try resolve(id)) {
    case .enum(_, _, let list), .enum64(_, _, let list): list.map { (text($0.name), $0.value) }
    default: nil
    }
  }

  private func ids(named name: String, kind: BTFKind?, limit: Int) -> [TypeID] {
    guard !name.isEmpty else { return [] }
    if let kind, TypeIndex.finds(kind) {
      return Array(types(named: Array(name.utf8)) { $0 == kind }.prefix(limit))
    }
    var found = base?.ids(named: name, kind: kind, limit: limit) ?? []
    let utf8 = Array(name.utf8)
    for place in index.offsets.indices where found.count < limit {
      let at = Int(index.offsets[place])
      if let kind {
        guard let own = blob.u32(at: at + 4), Info(own).rawKind == kind.rawValue else { continue }
      }
      guard let string = blob.u32(at: at), equal(BTFString(offset: string), utf8) else { continue }
      found.append(id(at: place))
    }
    return found
  }

  /// The ids of all structs and unions with this name, lowest first.
  private func composites(named name: [UInt8]) -> [TypeID] {
    types(named: name) { $0 == .struct || $0 == .union }
  }

  /// The ids of all types with this name that are of some of the kinds that are found by name, lowest
  /// first.
  private func types(named name: [UInt8], _ isWanted: (BTFKind) -> Bool) -> [TypeID] {
    guard !name.isEmpty else { return [] }
    var found = base?.types(named: name, isWanted) ?? []
    for place in index.places(hash: TypeIndex.hash(name.span.bytes)) {
      let at = Int(index.offsets[place])
      if let string = blob.u32(at: at), equal(BTFString(offset: string), name),
        let kind = try? info(at: at).kind, isWanted(kind)
      {
        found.append(id(at: place))
      }
    }
    return found
  }
}
