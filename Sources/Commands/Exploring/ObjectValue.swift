import GuestScopeBTF
import GuestScopeBytes

/// A kernel object by its type: what `print` shows.
indirect enum ObjectValue {
  case scalar(String, JSON)
  /// Members in order; those of anonymous structs and unions are among them.
  case fields([(name: String, value: ObjectValue)])
  case elements([ObjectValue])

  var json: JSON {
    switch self {
    case .scalar(_, let json): json
    case .fields(let fields): .object(fields.map { .init(key: $0.name, value: $0.value.json) })
    case .elements(let elements): .array(elements.map(\.json))
    }
  }

  /// Elements of an array that a screen shows.
  private static let shownElements = 64

  /// In C's braces, a member a line.
  func lines(_ name: String = "", indent: Int = 0) -> [String] {
    let margin = String(repeating: "  ", count: indent)
    let head = margin + (name.isEmpty ? "" : "\(name) = ")
    switch self {
    case .scalar(let text, _): return [head + text]
    case .fields(let fields):
      guard !fields.isEmpty else { return [head + "{}"] }
      return [head + "{"] + fields.flatMap { $0.value.lines($0.name, indent: indent + 1) }
        + [margin + "}"]
    case .elements(let elements):
      if let row = Self.row(elements) { return [head + row] }
      let shown = elements.prefix(Self.shownElements).enumerated().flatMap { index, element in
        element.lines("[\(index)]", indent: indent + 1)
      }
      let more = elements.count - Self.shownElements
      return [head + "{"] + shown + (more > 0 ? [margin + "  … \(more) more"] : [])
        + [margin + "}"]
    }
  }

  /// Scalars on one line, equal neighbours as one; nil for an array of anything else.
  private static func row(_ elements: [ObjectValue]) -> String? {
    var runs: [(text: String, count: Int)] = []
    for element in elements {
      guard case .scalar(let text, _) = element else { return nil }
      if runs.last?.text == text { runs[runs.count - 1].count += 1 } else { runs.append((text, 1)) }
    }
    var shown = runs.prefix(shownElements).map {
      $0.count == 1 ? $0.text : "\($0.text) × \($0.count)"
    }
    if runs.count > shownElements { shown.append("…") }
    return "{" + shown.joined(separator: ", ") + "}"
  }
}

/// Makes values of bytes.
struct ObjectDecoder {
  let btf: BTF
  /// The symbol of an address, if it has one.
  let symbol: (UInt64) -> String?
  /// The text that a pointer to characters leads to, if it is readable.
  let text: (UInt64) -> String?

  /// - Parameters:
  ///   - offset: of the value in `bytes`.
  ///   - bits: of a bit-field.
  func value(
    _ type: BTF.TypeID, at offset: Int, in bytes: [UInt8], bits: Range<Int>? = nil
  ) -> ObjectValue {
    var steps = Self.maxSteps
    return value(type, at: offset, in: bytes, bits, depth: 0, &steps)
  }

  /// Values in one object, of which none is larger than a megabyte: types of a damaged BTF that
  /// contain others twice would double at each level.
  private static let maxSteps = 1 << 21

  /// A damaged type shows as such, and takes nothing from its neighbours.
  private func value(
    _ type: BTF.TypeID, at offset: Int, in bytes: [UInt8], _ bits: Range<Int>?, depth: Int,
    _ steps: inout Int
  ) -> ObjectValue {
    do throws(BTFError) {
      steps -= 1
      guard depth < BTF.maxDepth, steps > 0 else { throw .tooDeep(id: type) }
      return try decode(type, at: offset, in: bytes, bits, depth: depth, &steps)
    } catch {
      return .scalar("? (\(error))", .null)
    }
  }

  private func decode(
    _ type: BTF.TypeID, at offset: Int, in bytes: [UInt8], _ bits: Range<Int>?, depth: Int,
    _ steps: inout Int
  ) throws(BTFError) -> ObjectValue {
    let resolved = try btf.resolve(type)
    switch try btf.type(resolved) {
    case .struct(_, let members), .union(_, let members):
      return .fields(fields(members, at: offset, in: bytes, depth: depth, &steps))
    case .array(let element, _, let count):
      return try array(of: element, count, at: offset, in: bytes, depth: depth, &steps)
    case .ptr(let target):
      guard let pointer = bytes.u64(at: offset) else { return Self.outside }
      return pointerValue(pointer, isText: try isCharacter(target))
    case .int(let size, _, _, let encoding):
      guard let raw = number(at: offset, size: size, in: bytes, bits) else { return Self.outside }
      return integer(raw, bits: bits?.count ?? size * 8, size: size, encoding)
    case .enum(let size, let isSigned, let list), .enum64(let size, let isSigned, let list):
      guard let raw = number(at: offset, size: size, in: bytes, bits) else { return Self.outside }
      return enumeration(raw, width: bits?.count ?? size * 8, isSigned, list)
    default: return .scalar("(\(try btf.declaration(of: type)))", .null)
    }
  }

  private static let outside = ObjectValue.scalar("?", .null)

  private func fields(
    _ members: [BTFType.Member], at offset: Int, in bytes: [UInt8], depth: Int, _ steps: inout Int
  ) -> [(name: String, value: ObjectValue)] {
    var fields: [(name: String, value: ObjectValue)] = []
    for member in members {
      guard steps > 0 else { break }
      let place = try? btf.place(of: member)
      guard let place else { continue }
      let value = value(
        member.type, at: offset + place.offset, in: bytes, place.bits, depth: depth + 1, &steps)
      let name = btf.text(member.name)
      if name.isEmpty {
        // An unnamed bit-field is padding.
        if case .fields(let inner) = value { fields += inner }
      } else {
        fields.append((name, value))
      }
    }
    return fields
  }

  private func array(
    of element: BTF.TypeID, _ count: Int, at offset: Int, in bytes: [UInt8], depth: Int,
    _ steps: inout Int
  ) throws(BTFError) -> ObjectValue {
    let size = btf.size(of: element) ?? 0
    guard size > 0, count > 0 else { return .elements([]) }
    let present = min(count, max(0, bytes.count - offset) / size)
    if size == 1 {
      // None of it is there when a damaged struct has members behind its end.
      guard let part = bytes.bytes(at: offset, count: present).map(Array.init) else {
        return Self.outside
      }
      if try isCharacter(element) {
        let text = part.nulTerminatedText
        return .scalar(JSON.string(text).text(pretty: false), .string(text))
      }
      if try isByte(element) { return .scalar(part.hex, .string(part.hex)) }
    }
    var elements: [ObjectValue] = []
    for index in 0..<present where steps > 0 {
      elements.append(
        value(element, at: offset + index * size, in: bytes, nil, depth: depth + 1, &steps))
    }
    return .elements(elements)
  }

  private func pointerValue(_ pointer: UInt64, isText: Bool) -> ObjectValue {
    var shown = pointer.hex
    if isText, pointer >> 63 == 1, let text = text(pointer) {
      shown += " " + JSON.string(text).text(pretty: false)
    } else if let symbol = symbol(pointer) {
      shown += " <\(symbol)>"
    }
    return .scalar(shown, .string(pointer.hex))
  }

  /// The low bits of the little-endian number at an offset.
  private func number(
    at offset: Int, size: Int, in bytes: [UInt8], _ bits: Range<Int>?
  ) -> UInt64? {
    let count = bits.map { ($0.upperBound + 7) / 8 } ?? size
    guard let part = bytes.bytes(at: offset, count: count) else { return nil }
    var value: UInt64 = 0
    for (index, byte) in part.enumerated() where index < 8 { value |= UInt64(byte) << (8 * index) }
    guard let bits else { return value }
    // A bit-field of 64 bits may begin in the middle of a byte.
    value >>= bits.lowerBound
    if part.count == 9, let last = part.last { value |= UInt64(last) << (64 - bits.lowerBound) }
    return value.low(bits.count)
  }

  private func integer(
    _ raw: UInt64, bits: Int, size: Int, _ encoding: BTFType.IntEncoding
  ) -> ObjectValue {
    guard size <= 8 else { return .scalar("(\(size * 8)-bit number)", .null) }
    if encoding.contains(.bool) {
      return raw > 1
        ? .scalar("\(raw)", .unsigned(raw)) : .scalar(raw == 1 ? "true" : "false", .bool(raw == 1))
    }
    if encoding.contains(.signed) {
      let signed = raw.signExtended(from: bits)
      return .scalar("\(signed)", .signed(signed))
    }
    // A kernel address in disguise; in decimal nobody would know it.
    guard raw >> 47 != 0x1ffff else {
      return .scalar(raw.hex + (symbol(raw).map { " <\($0)>" } ?? ""), .unsigned(raw))
    }
    return .scalar("\(raw)", .unsigned(raw))
  }

  private func enumeration(
    _ raw: UInt64, width: Int, _ isSigned: Bool, _ list: [BTFType.Enumerator]
  ) -> ObjectValue {
    let value = isSigned ? Int128(raw.signExtended(from: width)) : Int128(raw)
    // BTF keeps 32 or 64 bits of an enumerator, of which an object may have fewer.
    let match = list.first {
      $0.value == value || !isSigned && UInt64(truncatingIfNeeded: $0.value).low(width) == raw
    }
    guard let match else { return .scalar("\(value)", JSON(value)) }
    let name = btf.text(match.name)
    return .scalar("\(name) (\(match.value))", .string(name))
  }

  private func isCharacter(_ type: BTF.TypeID) throws(BTFError) -> Bool {
    let resolved = try btf.resolve(type)
    return try btf.name(of: resolved) == "char"
  }

  private func isByte(_ type: BTF.TypeID) throws(BTFError) -> Bool {
    guard case .int(1, _, _, let encoding) = try btf.type(try btf.resolve(type)) else {
      return false
    }
    return !encoding.contains(.signed) && !encoding.contains(.bool)
  }
}

extension UInt64 {
  fileprivate func low(_ bits: Int) -> UInt64 { bits >= 64 ? self : self & (1 << bits - 1) }

  fileprivate func signExtended(from bits: Int) -> Int64 {
    guard (1..<64).contains(bits) else { return Int64(bitPattern: self) }
    return Int64(bitPattern: self << UInt64(64 - bits)) >> Int64(64 - bits)
  }
}
