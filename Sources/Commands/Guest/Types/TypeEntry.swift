import GuestScopeBTF

/// One type of a listing, in both forms of it.
struct TypeEntry {
  var id: BTF.TypeID
  var kind: BTFKind
  var name: String
  /// What the type itself has.
  var members: [JSON.Member]
  /// Members, values, parameters or variables, and what bpftool calls them; nil for other types.
  var rows: [[JSON.Member]]
  var rowsKey: String?

  var json: JSON {
    var all: [JSON.Member] = [
      .init(key: "id", value: JSON(id.rawValue)), .init(key: "kind", value: .string(kind.word)),
      .init(key: "name", value: .string(name)),
    ]
    all += members
    if let rowsKey { all.append(.init(key: rowsKey, value: .array(rows.map { .object($0) }))) }
    return .object(all)
  }

  /// - Parameter types: those that variables of a section are looked up in.
  func lines(_ types: BTF) -> [String] {
    let own = members.map { "\($0.key)=\($0.value.word)" }
    let first = "[\(id)] \(kind.word) '\(name)'"
    // bpftool has a comma in this one place.
    let separator = kind == .var ? ", " : " "
    return [first + (own.isEmpty ? "" : " ") + own.joined(separator: separator)]
      + rows.map { "        " + line($0, types) }
  }

  private func line(_ row: [JSON.Member], _ types: BTF) -> String {
    let words = row.map { member in
      guard member.key != "name" else { return "'\(member.value.word)'" }
      return "\(member.key)=\(member.value.word)" + (member.key == "val" ? suffix : "")
    }
    return words.joined(separator: " ") + (kind == .datasec ? variable(row, types) : "")
  }

  /// Of a number of 64 bits in C.
  private var suffix: String {
    guard kind == .enum64 else { return "" }
    return members.contains { $0.value == .string("SIGNED") } ? "LL" : "ULL"
  }

  private func variable(_ row: [JSON.Member], _ types: BTF) -> String {
    guard case .unsigned(let number)? = row.first?.value, let raw = UInt32(exactly: number),
      let kind = try? types.kind(of: BTF.TypeID(raw)),
      let name = try? types.nameOffset(of: BTF.TypeID(raw))
    else { return "" }
    return " (\(kind.word) '\(TypeListing(types).name(name))')"
  }
}

extension JSON {
  /// Text without its quotes.
  fileprivate var word: String {
    if case .string(let text) = self { text } else { text(pretty: false) }
  }
}

extension BTFKind {
  /// `BTF_KIND_FUNC_PROTO` without what all have in common.
  fileprivate var word: String {
    switch self {
    case .void: "UNKNOWN"
    case .int: "INT"
    case .ptr: "PTR"
    case .array: "ARRAY"
    case .struct: "STRUCT"
    case .union: "UNION"
    case .enum: "ENUM"
    case .fwd: "FWD"
    case .typedef: "TYPEDEF"
    case .volatile: "VOLATILE"
    case .const: "CONST"
    case .restrict: "RESTRICT"
    case .func: "FUNC"
    case .funcProto: "FUNC_PROTO"
    case .var: "VAR"
    case .datasec: "DATASEC"
    case .float: "FLOAT"
    case .declTag: "DECL_TAG"
    case .typeTag: "TYPE_TAG"
    case .enum64: "ENUM64"
    }
  }
}
