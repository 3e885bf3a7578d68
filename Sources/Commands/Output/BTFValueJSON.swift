import GuestScopeBTF
import GuestScopeBytes

/// Values of BPF objects as bpftool's JSON has them (`btf_dumper_type()` of
/// tools/bpf/bpftool/btf_dumper.c). docs/bpftool.md lists what is different, and why.
///
/// Nothing is trusted: where the types are damaged or lead beyond the bytes, the value is null, and
/// takes nothing from its neighbours.
struct BTFValueJSON {
  let btf: BTF
  /// What a small number stands for in a pointer to functions, by their type; nil for the number
  /// itself. In a map of struct_ops it is the id of a program.
  var function: (BTF.TypeID, UInt32) -> String? = { _, _ in nil }

  init(_ btf: BTF) { self.btf = btf }

  /// - Parameters:
  ///   - offset: of the value in `bytes`.
  ///   - bits: of a bit-field, in the little-endian number at `offset`.
  func json(
    _ type: BTF.TypeID, in bytes: [UInt8], at offset: Int = 0, bits: Range<Int>? = nil
  ) -> JSON {
    if let bits { return hex(bits, at: offset, in: bytes) }
    var steps = Self.maxSteps
    return value(type, Place(bytes: bytes, offset: offset), depth: 0, &steps)
  }

  /// Values in one object: types of a damaged BTF that contain others twice would double at each
  /// level.
  private static let maxSteps = 1 << 21

  /// Elements without a size in one array: no bytes end them.
  private static let mostEmptyElements = 1 << 12

  /// Where a value is.
  private struct Place {
    let bytes: [UInt8]
    var offset: Int
    /// Bits that are skipped at `offset`: those before a member of a struct without the flag that
    /// says that members may be bit-fields.
    var bit = 0

    func moved(by count: Int) -> Place { Place(bytes: bytes, offset: offset &+ count) }
  }

  private func value(_ id: BTF.TypeID, _ place: Place, depth: Int, _ steps: inout Int) -> JSON {
    steps -= 1
    guard depth < BTF.maxDepth, steps > 0, let type = try? btf.type(id) else { return .null }
    let depth = depth + 1
    switch type {
    case .int(_, let bits, let skipped, let encoding):
      let first = place.bit + skipped
      guard first == 0, [8, 16, 32, 64].contains(bits) else {
        return hex(first..<first + bits, at: place.offset, in: place.bytes)
      }
      return integer(bits / 8, encoding, at: place.offset, in: place.bytes)
    case .enum(let size, _, let list), .enum64(let size, _, let list):
      return enumerator(size, list, at: place.offset, in: place.bytes)
    case .ptr(let target):
      guard let number = place.bytes.u64(at: place.offset) else { return .null }
      let text = UInt32(exactly: number).flatMap { number in
        (try? btf.resolve(target)).flatMap { function($0, number) }
      }
      return text.map { .string($0) } ?? .unsigned(number)
    case .float(let size): return float(size, at: place.offset, in: place.bytes)
    case .array(let element, _, let count):
      return array(of: element, count, place, depth: depth, &steps)
    case .struct(_, let members), .union(_, let members):
      return .object(members.compactMap { member(of: $0, place, depth: depth, &steps) })
    case .typedef(let target), .const(let target), .volatile(let target), .restrict(let target),
      .typeTag(let target), .declTag(let target, _):
      return value(target, place, depth: depth, &steps)
    case .var(let target):
      let name = (try? btf.name(of: id)) ?? ""
      return .object([.init(key: name, value: value(target, place, depth: depth, &steps))])
    case .datasec(_, let variables):
      let values = variables.map {
        value($0.type, place.moved(by: $0.offset), depth: depth, &steps)
      }
      return .object([.init(key: (try? btf.name(of: id)) ?? "", value: .array(values))])
    case .void, .fwd, .func, .funcProto: return .null
    }
  }

  /// An anonymous struct has the empty key; its members stay inside.
  private func member(
    of member: BTFType.Member, _ place: Place, depth: Int, _ steps: inout Int
  ) -> JSON.Member? {
    guard steps > 0 else { return nil }
    var at = place.moved(by: member.bitOffset / 8)
    at.bit = member.bitOffset % 8
    let value =
      member.bitSize > 0
      ? hex(at.bit..<at.bit + member.bitSize, at: at.offset, in: at.bytes)
      : value(member.type, at, depth: depth, &steps)
    return .init(key: btf.text(member.name), value: value)
  }

  private func array(
    of element: BTF.TypeID, _ count: Int, _ place: Place, depth: Int, _ steps: inout Int
  ) -> JSON {
    if let text = text(of: element, count, place) { return .string(text) }
    guard let size = btf.size(of: element) else { return .null }
    var values: [JSON] = []
    for index in 0..<count {
      guard steps > 0 else { break }
      let at = place.moved(by: index &* size)
      // A damaged count would go on for long.
      guard size == 0 ? index < Self.mostEmptyElements : place.bytes.indices.contains(at.offset)
      else { break }
      values.append(value(element, at, depth: depth, &steps))
    }
    return .array(values)
  }

  /// Printable characters with a NUL after them (`is_str_array()`); nil for any other array. A
  /// typedef of `char` is not a character.
  private func text(of element: BTF.TypeID, _ count: Int, _ place: Place) -> String? {
    guard count > 0, isCharacter(element), place.offset >= 0, place.offset <= place.bytes.count
    else { return nil }
    let characters = place.bytes[place.offset...].prefix(count)
    guard let end = characters.firstIndex(of: 0) else { return nil }
    let text = characters[..<end]
    return text.allSatisfy { (0x20...0x7e).contains($0) }
      ? String(decoding: text, as: UTF8.self)
      : nil
  }

  private func isCharacter(_ id: BTF.TypeID) -> Bool {
    var id = id
    for _ in 0..<BTF.maxDepth {
      switch try? btf.type(id) {
      case .const(let target)?, .volatile(let target)?, .restrict(let target)?,
        .typeTag(let target)?:
        id = target
      case .int(1, _, _, let encoding)?:
        return encoding == .char || (try? btf.name(of: id)) == "char"
      default: return false
      }
    }
    return false
  }
}
