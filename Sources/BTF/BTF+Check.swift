import GuestScopeBytes

extension BTF {
  /// Checks all that types say of each other, for a blob that no file vouches for: one that was read
  /// from the memory of a guest.
  ///
  /// References must lead to types, members must follow each other in their struct without overlap,
  /// strings must be text, and each name must begin where a string does: damaged bytes get through
  /// only where they turn a name into another one.
  ///
  /// - Throws: `BTFError.malformed` with the first contradiction.
  public func check() throws(BTFError) {
    for at in strings {
      guard let byte = blob.u8(at: at), byte == 0 || (0x20...0x7e).contains(byte) else {
        throw .malformed("a string that is not text", offset: at)
      }
    }
    for (index, offset) in index.offsets.enumerated() {
      try check(id(at: index), at: Int(offset))
    }
  }

  private func check(_ id: TypeID, at offset: Int) throws(BTFError) {
    let (kind, info) = try info(at: offset)
    let name = try u32(at: offset)
    try checkName(name, at: offset)
    let word = try u32(at: offset + 8)
    let rest = offset + 12
    switch kind {
    case .void: throw .malformed("a type of kind 0", offset: offset)
    case .int:
      let encoding = try u32(at: rest)
      try require(
        name != 0 && [1, 2, 4, 8, 16].contains(word) && encoding & 0xff <= word * 8,
        "an integer of \(word) bytes", offset)
    case .float: try require(name != 0 && [2, 4, 8, 12, 16].contains(word), "a float", offset)
    case .ptr, .volatile, .const, .restrict: try refer(word, from: id, offset)
    case .typedef, .typeTag, .declTag, .var:
      try require(name != 0, "a type without its name", offset)
      try refer(word, from: id, offset)
    case .func:
      try require(name != 0, "a function without a name", offset)
      try refer(word, to: .funcProto, from: id, offset)
    case .fwd: try require(name != 0 && word == 0, "a forward declaration", offset)
    case .array:
      try refer(try u32(at: rest), from: id, offset)
      try refer(try u32(at: rest + 4), from: id, offset)
    case .enum, .enum64:
      try require([1, 2, 4, 8].contains(word), "an enumeration of \(word) bytes", offset)
      for at in entries(info.count, kind == .enum ? 8 : 12, from: rest) {
        try require(try u32(at: at) != 0, "an enumerator without a name", at)
        try checkName(try u32(at: at), at: at)
      }
    case .struct, .union: try checkMembers(of: id, at: rest, info, size: Int(word))
    case .funcProto:
      try refer(word, from: id, offset)
      for at in entries(info.count, 8, from: rest) {
        try checkName(try u32(at: at), at: at)
        try refer(try u32(at: at + 4), from: id, at)
      }
    case .datasec:
      for at in entries(info.count, 12, from: rest) {
        try refer(try u32(at: at), to: .var, from: id, at)
      }
    }
  }

  /// - Parameter offset: of the first member in the blob.
  private func checkMembers(
    of id: TypeID, at offset: Int, _ info: Info, size: Int
  ) throws(BTFError) {
    let isUnion = try kind(of: id) == .union
    // Bits from the start of the struct.
    var end = 0
    for at in entries(info.count, 12, from: offset) {
      let name = try u32(at: at)
      try checkName(name, at: at)
      let type = try u32(at: at + 4)
      try refer(type, from: id, at)
      let word = try u32(at: at + 8)
      let bitSize = info.flag ? Int(word >> 24) : 0
      let start = info.flag ? Int(word & 0xff_ffff) : Int(word)
      if name == 0 {
        let kind = try kind(of: try resolve(TypeID(type)))
        try require(kind == .struct || kind == .union, "a member without a name", at)
      }
      // An array of incomplete types has no size that could be known.
      let count = bitSize > 0 ? bitSize : 8 * (self.size(of: TypeID(type)) ?? 0)
      try require(isUnion ? start == 0 : start >= end, "a member at bit \(start)", at)
      try require(start + count <= 8 * size, "a member that ends outside of its struct", at)
      if !isUnion { end = start + count }
    }
  }

  /// - Parameter offset: where the name is referred to.
  private func checkName(_ name: UInt32, at offset: Int) throws(BTFError) {
    guard name >= firstString else { return }
    let place = strings.lowerBound + Int(name - firstString)
    let isStart = name == firstString || blob.u8(at: place - 1) == 0
    try require(
      place < strings.upperBound && isStart, "a name that is not one of the strings", offset)
    // No name is offset 0; the strings have no other empty one.
    try require(name == 0 || blob.u8(at: place) != 0, "a name that is empty", offset)
  }

  private func entries(_ count: Int, _ size: Int, from offset: Int) -> StrideTo<Int> {
    stride(from: offset, to: offset + count * size, by: size)
  }

  private func refer(
    _ type: UInt32, to kind: BTFKind? = nil, from id: TypeID, _ offset: Int
  ) throws(BTFError) {
    let type = TypeID(type)
    try require(type < endID && type != id, "type \(id) refers to type \(type)", offset)
    if let kind {
      try require(try self.kind(of: type) == kind, "type \(type) is of another kind", offset)
    }
  }

  private func require(
    _ holds: Bool, _ what: @autoclosure () -> String, _ offset: Int
  ) throws(BTFError) {
    if !holds { throw .malformed(what(), offset: offset) }
  }
}
