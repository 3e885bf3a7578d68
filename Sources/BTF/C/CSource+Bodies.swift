// What stands between the braces of structs, unions and enumerations.
extension CSource {
  private static func blanks(_ indent: Int) -> String { String(repeating: " ", count: 4 * indent) }

  /// - Parameter hasTag: false for a member without a name: C takes none of a struct that has one.
  func composite(
    _ id: BTF.TypeID, hasTag: Bool = true, indent: Int
  ) throws(BTFError) -> String {
    try beginBody(of: id)
    let isUnion = try btf.kind(of: id) == .union
    guard indent < BTF.maxDepth, let members = try btf.members(of: id), let size = btf.size(of: id)
    else { throw .tooDeep(id: id) }
    let isPacked = try layout.isPacked(id)
    let blanks = Self.blanks(indent + 1)
    let tag = hasTag ? names.tags[id].map { $0 + " " } ?? "" : ""
    var text = (isUnion ? "union " : "struct ") + tag + "{\n"
    // Bits from the start.
    var end = 0
    for member in members {
      let name = CNames.identifier(btf.text(member.name))
      guard let place = try layout.place(of: member, depth: 0) else {
        text += blanks + "unsigned char \(name)[0];\n"
        continue
      }
      if isUnion {
        end = max(end, place.end)
      } else {
        let next = Self.natural(place, after: end, isPacked: isPacked)
        guard place.start >= end else { throw .malformed("members that overlap", offset: 0) }
        if next != place.start {
          for line in padding(from: end, to: place.start) { text += blanks + line + ";\n" }
        }
        end = place.end
      }
      let declaration =
        name.isEmpty && place.unit == nil
        ? try composite(try btf.resolve(member.type), hasTag: false, indent: indent + 1)
        : try declaration(of: member.type, name: name, indent: indent + 1)
      text += blanks + declaration + (place.unit == nil ? "" : ": \(place.size)") + ";\n"
    }
    guard end <= 8 * size else { throw .malformed("a struct of \(size) bytes", offset: 0) }
    let alignment = isPacked ? 8 : 8 * (try layout.alignment(of: id))
    if (end + alignment - 1) / alignment * alignment != 8 * size {
      let lines =
        isUnion ? ["unsigned char \(padding())[\(size)]"] : padding(from: end, to: 8 * size)
      for line in lines { text += blanks + line + ";\n" }
    }
    return text + Self.blanks(indent) + "}" + (isPacked ? " __attribute__((packed))" : "")
  }

  /// Where a compiler puts a member after what ends at a bit.
  private static func natural(_ place: CLayout.Place, after end: Int, isPacked: Bool) -> Int {
    func up(_ unit: Int) -> Int { (end + unit - 1) / unit * unit }
    guard let unit = place.unit else { return up(isPacked ? 8 : place.alignment) }
    return isPacked || end / unit == (end + place.size - 1) / unit ? end : up(unit)
  }

  /// Bits up to the next byte, bytes, and bits of the last one.
  private func padding(from start: Int, to end: Int) -> [String] {
    var lines: [String] = []
    var at = start
    if !at.isMultiple(of: 8) {
      let bits = min(8 - at % 8, end - at)
      lines.append("unsigned char : \(bits)")
      at += bits
    }
    if (end - at) / 8 > 0 {
      lines.append("unsigned char \(padding())[\((end - at) / 8)]")
      at += (end - at) / 8 * 8
    }
    if at < end { lines.append("unsigned char : \(end - at)") }
    return lines
  }

  func enumeration(_ id: BTF.TypeID, indent: Int) throws(BTFError) -> String {
    let (size, isSigned, list): (Int, Bool, [BTFType.Enumerator])
    switch try btf.type(id) {
    case .enum(let bytes, let flag, let all), .enum64(let bytes, let flag, let all):
      (size, isSigned, list) = (bytes, flag, all)
    default: throw .noType(id: id)
    }
    let name = names.tags[id]
    let blanks = Self.blanks(indent + 1)
    var text = "enum " + (name.map { $0 + " " } ?? "") + "{\n"
    for (enumerator, name) in zip(list, names.enumerators[id] ?? []) {
      text += blanks + "\(name) = \(Self.literal(enumerator.value, isSigned)),\n"
    }
    // C has no empty ones.
    if list.isEmpty { text += blanks + "__empty_\(id) = 0,\n" }
    let mode = [1: "QI", 2: "HI", 8: "DI"][size].map { " __attribute__((mode(\($0))))" } ?? ""
    return text + Self.blanks(indent) + "}" + mode
  }

  private static func literal(_ value: Int128, _ isSigned: Bool) -> String {
    if value == Int128(Int64.min) { return "(-9223372036854775807LL - 1)" }
    let isWide = value > Int128(UInt32.max) || value < Int128(Int32.min)
    return "\(value)" + (isWide ? (isSigned ? "LL" : "ULL") : "")
  }
}
