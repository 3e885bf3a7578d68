import GuestScopeBTF

/// All types of a BTF object, one after the other (`dump_btf_type()` of tools/bpf/bpftool/btf.c).
struct TypeListing {
  private let types: BTF

  init(_ types: BTF) { self.types = types }

  /// Takes the types some hundred at a time: all those of a kernel would be much to hold.
  ///
  /// - Parameter take: is given how many there were, with this part.
  func forEachPart(_ take: ([TypeEntry], Int) throws -> Void) rethrows {
    var part: [TypeEntry] = []
    var done = 0
    for id in types.ownTypeIDs {
      part.append(entry(id))
      done += 1
      guard part.count == Self.partCount else { continue }
      try take(part, done)
      part = []
    }
    try take(part, done)
  }

  private static let partCount = 512

  func name(_ string: BTFString) -> String {
    string.isEmpty ? "(anon)" : types.text(at: string.offset) ?? "(invalid)"
  }

  private func entry(_ id: BTF.TypeID) -> TypeEntry {
    do throws(BTFError) {
      let type = try types.type(id)
      return TypeEntry(
        id: id, kind: try types.kind(of: id), name: name(try types.nameOffset(of: id)),
        members: members(of: type, linkage: try types.linkage(of: id)), rows: rows(of: type),
        rowsKey: Self.rowsKey(of: type))
    } catch {
      return TypeEntry(id: id, kind: .void, name: "(invalid)", members: [], rows: [], rowsKey: nil)
    }
  }

  // MARK: Members of a type

  private func members(of type: BTFType, linkage: UInt32?) -> [JSON.Member] {
    let words: KeyValuePairs<String, JSON> =
      switch type {
      case .void: [:]
      case .int(let size, let bits, let offset, let encoding):
        [
          "size": JSON(size), "bits_offset": JSON(offset), "nr_bits": JSON(bits),
          "encoding": .string(Self.text(encoding)),
        ]
      case .ptr(let id), .const(let id), .volatile(let id), .restrict(let id), .typedef(let id),
        .typeTag(let id):
        ["type_id": JSON(id.rawValue)]
      case .array(let element, let index, let count):
        [
          "type_id": JSON(element.rawValue), "index_type_id": JSON(index.rawValue),
          "nr_elems": JSON(count),
        ]
      case .struct(let size, let all), .union(let size, let all):
        ["size": JSON(size), "vlen": JSON(all.count)]
      case .enum(let size, let isSigned, let all), .enum64(let size, let isSigned, let all):
        [
          "encoding": .string(isSigned ? "SIGNED" : "UNSIGNED"), "size": JSON(size),
          "vlen": JSON(all.count),
        ]
      case .fwd(let isUnion): ["fwd_kind": .string(isUnion ? "union" : "struct")]
      case .func(let proto):
        ["type_id": JSON(proto.rawValue), "linkage": .string(Self.text(linkage))]
      case .var(let id): ["type_id": JSON(id.rawValue), "linkage": .string(Self.text(linkage))]
      case .funcProto(let result, let all):
        ["ret_type_id": JSON(result.rawValue), "vlen": JSON(all.count)]
      case .datasec(let size, let all): ["size": JSON(size), "vlen": JSON(all.count)]
      case .float(let size): ["size": JSON(size)]
      case .declTag(let id, let component):
        ["type_id": JSON(id.rawValue), "component_idx": .signed(Int64(component ?? -1))]
      }
    return words.map { JSON.Member(key: $0.key, value: $0.value) }
  }

  private static func text(_ encoding: BTFType.IntEncoding) -> String {
    switch encoding {
    case []: "(none)"
    case .signed: "SIGNED"
    case .char: "CHAR"
    case .bool: "BOOL"
    default: "UNKN"
    }
  }

  private static func text(_ linkage: UInt32?) -> String {
    switch linkage {
    case 0: "static"
    case 1: "global"
    case 2: "extern"
    default: "(unknown)"
    }
  }

  // MARK: What follows a type

  private static func rowsKey(of type: BTFType) -> String? {
    switch type {
    case .struct, .union: "members"
    case .enum, .enum64: "values"
    case .funcProto: "params"
    case .datasec: "vars"
    default: nil
    }
  }

  private func rows(of type: BTFType) -> [[JSON.Member]] {
    func row(_ members: KeyValuePairs<String, JSON>) -> [JSON.Member] {
      members.map { JSON.Member(key: $0.key, value: $0.value) }
    }
    switch type {
    case .struct(_, let members), .union(_, let members):
      return members.map { member in
        row([
          "name": .string(name(member.name)), "type_id": JSON(member.type.rawValue),
          "bits_offset": JSON(member.bitOffset),
        ]) + (member.bitSize > 0 ? row(["bitfield_size": JSON(member.bitSize)]) : [])
      }
    case .enum(_, _, let enumerators), .enum64(_, _, let enumerators):
      return enumerators.map { row(["name": .string(name($0.name)), "val": JSON($0.value)]) }
    case .funcProto(_, let parameters):
      return parameters.map {
        row(["name": .string(name($0.name)), "type_id": JSON($0.type.rawValue)])
      }
    case .datasec(_, let variables):
      return variables.map {
        row([
          "type_id": JSON($0.type.rawValue), "offset": JSON($0.offset), "size": JSON($0.size),
        ])
      }
    default: return []
    }
  }
}
