import GuestScopeBytes

extension BTF {
  /// Decodes a type.
  public func type(_ id: TypeID) throws(BTFError) -> BTFType {
    guard id != .void else { return .void }
    let (btf, at) = try locate(id)
    return try btf.decode(at: at)
  }

  /// The kind of a type, without decoding the rest.
  public func kind(of id: TypeID) throws(BTFError) -> BTFKind {
    try header(of: id).kind
  }

  /// The kind of a type, and the word that is its size or the id of the type that it refers to.
  func header(of id: TypeID) throws(BTFError) -> (kind: BTFKind, sizeOrType: UInt32) {
    guard id != .void else { return (.void, 0) }
    let (btf, at) = try locate(id)
    return (try btf.info(at: at).kind, try btf.u32(at: at + 8))
  }

  /// The name of a type as text, empty when it has none.
  public func name(of id: TypeID) throws(BTFError) -> String {
    guard id != .void else { return "" }
    let (btf, at) = try locate(id)
    return text(try btf.string(at: at))
  }

  /// The text of a name, empty when it lies outside the strings.
  public func text(_ string: BTFString) -> String {
    guard string.offset >= firstString else { return base?.text(string) ?? "" }
    let at = strings.lowerBound + Int(string.offset - firstString)
    guard at < strings.upperBound else { return "" }
    var end = at
    // The last string ends in NUL, too.
    while blob[end] != 0 { end += 1 }
    return blob.text(at..<end)
  }

  /// The text at an offset of the strings, which are those of the base and then our own; nil outside.
  public func text(at offset: UInt32) -> String? {
    offset < endString ? text(BTFString(offset: offset)) : nil
  }

  /// Whether a name is these bytes; no `String` is made.
  func equal(_ string: BTFString, _ name: some Collection<UInt8>) -> Bool {
    guard string.offset >= firstString else { return base?.equal(string, name) ?? false }
    var at = strings.lowerBound + Int(string.offset - firstString)
    for byte in name {
      guard at < strings.upperBound, blob[at] == byte else { return false }
      at += 1
    }
    return at < strings.upperBound && blob[at] == 0
  }

  /// The BTF that holds a type, and the byte offset of the type in it.
  func locate(_ id: TypeID) throws(BTFError) -> (BTF, Int) {
    if id < firstID, let base { return try base.locate(id) }
    guard let place = place(of: id) else { throw .noType(id: id) }
    return (self, Int(index.offsets[place]))
  }

  /// The place of a type of our own among them.
  func place(of id: TypeID) -> Int? {
    guard id >= firstID, id < endID else { return nil }
    return Int(id.rawValue - firstID.rawValue)
  }

  func id(at place: Int) -> TypeID { TypeID(firstID.rawValue + UInt32(place)) }

  func info(at offset: Int) throws(BTFError) -> (kind: BTFKind, info: Info) {
    let info = Info(try u32(at: offset + 4))
    guard let kind = info.kind else { throw .malformed("an unknown kind", offset: offset + 4) }
    return (kind, info)
  }

  func string(at offset: Int) throws(BTFError) -> BTFString {
    BTFString(offset: try u32(at: offset))
  }

  private func typeID(at offset: Int) throws(BTFError) -> TypeID { TypeID(try u32(at: offset)) }

  func u32(at offset: Int) throws(BTFError) -> UInt32 {
    guard let value = blob.u32(at: offset) else {
      throw .malformed("a type ends early", offset: offset)
    }
    return value
  }

  private func decode(at offset: Int) throws(BTFError) -> BTFType {
    let (kind, info) = try info(at: offset)
    let sizeOrType = try u32(at: offset + 8)
    let rest = offset + 12
    switch kind {
    case .void: return .void
    case .int:
      let word = try u32(at: rest)
      return .int(
        size: Int(sizeOrType), bits: Int(word & 0xff), bitOffset: Int(word >> 16 & 0xff),
        encoding: .init(rawValue: UInt8(word >> 24 & 0xf)))
    case .ptr: return .ptr(TypeID(sizeOrType))
    case .array:
      return .array(
        element: try typeID(at: rest), index: try typeID(at: rest + 4),
        count: Int(try u32(at: rest + 8)))
    case .struct: return .struct(size: Int(sizeOrType), members: try members(at: rest, info))
    case .union: return .union(size: Int(sizeOrType), members: try members(at: rest, info))
    case .enum:
      return .enum(
        size: Int(sizeOrType), isSigned: info.flag, enumerators: try enumerators(at: rest, info))
    case .enum64:
      return .enum64(
        size: Int(sizeOrType), isSigned: info.flag, enumerators: try enumerators64(at: rest, info))
    case .fwd: return .fwd(isUnion: info.flag)
    case .typedef: return .typedef(TypeID(sizeOrType))
    case .volatile: return .volatile(TypeID(sizeOrType))
    case .const: return .const(TypeID(sizeOrType))
    case .restrict: return .restrict(TypeID(sizeOrType))
    case .func: return .func(proto: TypeID(sizeOrType))
    case .funcProto:
      return .funcProto(returns: TypeID(sizeOrType), parameters: try parameters(at: rest, info))
    case .var: return .var(TypeID(sizeOrType))
    case .datasec: return .datasec(size: Int(sizeOrType), variables: try variables(at: rest, info))
    case .float: return .float(size: Int(sizeOrType))
    case .declTag:
      let component = Int32(bitPattern: try u32(at: rest))
      return .declTag(TypeID(sizeOrType), component: component < 0 ? nil : Int(component))
    case .typeTag: return .typeTag(TypeID(sizeOrType))
    }
  }

  private func members(at offset: Int, _ info: Info) throws(BTFError) -> [BTFType.Member] {
    try records(info, at: offset, size: 12) { at throws(BTFError) in
      let place = try u32(at: at + 8)
      // BTF_MEMBER_BIT_OFFSET, BTF_MEMBER_BITFIELD_SIZE: with the flag the word holds both.
      return BTFType.Member(
        name: try string(at: at), type: try typeID(at: at + 4),
        bitOffset: Int(info.flag ? place & 0xff_ffff : place),
        bitSize: Int(info.flag ? place >> 24 : 0))
    }
  }

  private func enumerators(at offset: Int, _ info: Info) throws(BTFError) -> [BTFType.Enumerator] {
    try records(info, at: offset, size: 8) { at throws(BTFError) in
      let word = try u32(at: at + 4)
      return BTFType.Enumerator(
        name: try string(at: at),
        value: info.flag ? Int128(Int32(bitPattern: word)) : Int128(word))
    }
  }

  private func enumerators64(at offset: Int, _ info: Info) throws(BTFError) -> [BTFType.Enumerator]
  {
    try records(info, at: offset, size: 12) { at throws(BTFError) in
      let value = UInt64(try u32(at: at + 8)) << 32 | UInt64(try u32(at: at + 4))
      return BTFType.Enumerator(
        name: try string(at: at),
        value: info.flag ? Int128(Int64(bitPattern: value)) : Int128(value))
    }
  }

  private func parameters(at offset: Int, _ info: Info) throws(BTFError) -> [BTFType.Parameter] {
    try records(info, at: offset, size: 8) { at throws(BTFError) in
      BTFType.Parameter(name: try string(at: at), type: try typeID(at: at + 4))
    }
  }

  private func variables(at offset: Int, _ info: Info) throws(BTFError) -> [BTFType.Variable] {
    try records(info, at: offset, size: 12) { at throws(BTFError) in
      BTFType.Variable(
        type: try typeID(at: at), offset: Int(try u32(at: at + 4)), size: Int(try u32(at: at + 8)))
    }
  }

  /// The `info.count` equal-sized records that follow a type.
  private func records<Record>(
    _ info: Info, at start: Int, size: Int, _ record: (Int) throws(BTFError) -> Record
  ) throws(BTFError) -> [Record] {
    var records: [Record] = []
    // A damaged index may give a count that no type has.
    records.reserveCapacity(min(info.count, max(0, blob.count - start) / size))
    for index in 0..<info.count { records.append(try record(start + size * index)) }
    return records
  }
}
