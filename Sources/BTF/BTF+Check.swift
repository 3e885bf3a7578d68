import GuestScopeBytes

extension BTF {
  /// Checks all that types say of each other, for a blob that no file vouches for: one that was read
  /// from the memory of a guest.
  ///
  /// References must lead to types, members must follow each other in their struct without
  /// overlap, each name must begin where a string does, and each string must be a name of something
  /// (pahole(1) writes no other): a few damaged bytes do not get through, but for one that turns a
  /// name into another name.
  ///
  /// - Throws: `BTFError.malformed` with the first contradiction.
  public func check() throws(BTFError) {
    var names = NameCheck(self)
    for (index, offset) in index.offsets.enumerated() {
      try check(id(at: index), at: Int(offset), &names)
    }
    try names.finish()
  }

  private func check(_ id: TypeID, at offset: Int, _ names: inout NameCheck) throws(BTFError) {
    let (kind, info) = try info(at: offset)
    let name = try u32(at: offset)
    try names.use(name, at: offset)
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
        try names.use(try u32(at: at), at: at)
      }
    case .struct, .union: try checkMembers(of: id, at: rest, info, size: Int(word), &names)
    case .funcProto:
      try refer(word, from: id, offset)
      for at in entries(info.count, 8, from: rest) {
        try names.use(try u32(at: at), at: at)
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
    of id: TypeID, at offset: Int, _ info: Info, size: Int, _ names: inout NameCheck
  ) throws(BTFError) {
    let isUnion = try kind(of: id) == .union
    // Bits from the start of the struct.
    var end = 0
    for at in entries(info.count, 12, from: offset) {
      let name = try u32(at: at)
      try names.use(name, at: at)
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

/// Which strings of a blob are used as names.
private struct NameCheck {
  private let btf: BTF
  /// A flag for each byte of the strings.
  private var isUsed: [Bool]

  init(_ btf: BTF) {
    self.btf = btf
    isUsed = Array(repeating: false, count: btf.strings.count)
  }

  /// - Parameter offset: where the name is referred to.
  mutating func use(_ name: UInt32, at offset: Int) throws(BTFError) {
    guard name >= btf.firstString else { return }
    let place = Int(name - btf.firstString)
    guard place < isUsed.count, place == 0 || byte(place - 1) == 0 else {
      throw .malformed("a name that is not one of the strings", offset: offset)
    }
    isUsed[place] = true
  }

  func finish() throws(BTFError) {
    for place in isUsed.indices.dropFirst() where byte(place - 1) == 0 && !isUsed[place] {
      throw .malformed(
        "a string that is the name of nothing", offset: btf.strings.lowerBound + place)
    }
  }

  private func byte(_ place: Int) -> UInt8? { btf.blob.u8(at: btf.strings.lowerBound + place) }
}
