extension BTF {
  /// All types in C, as lines of a header that compiles: each struct and union with its size and
  /// the places of its members. Of the base no more than they need.
  ///
  /// - Throws: for types that contradict each other.
  public func sourceInC() throws(BTFError) -> [String] {
    let writer = CSource(self, try CNames(self))
    for id in ownTypeIDs { try writer.define(id) }
    try writer.defineLeftEnumerations()
    let attribute = "#pragma clang attribute"
    return [
      "#ifndef __VMLINUX_H__", "#define __VMLINUX_H__", "", "#ifndef BPF_NO_PRESERVE_ACCESS_INDEX",
      attribute + " push (__attribute__((preserve_access_index)), apply_to = record)", "#endif", "",
    ]
      + writer.text.dropLast().split(separator: "\n", omittingEmptySubsequences: false)
      .map(String.init) + [
        "#ifndef BPF_NO_PRESERVE_ACCESS_INDEX", attribute + " pop", "#endif", "", "#endif",
      ]
  }
}

/// Writes definitions in an order in which each follows what it needs.
final class CSource {
  let btf: BTF
  let names: CNames
  let layout: CLayout
  private(set) var text = ""
  private enum State { case begun, defined }
  private var states: [BTF.TypeID: State] = [:]
  private var declared: Set<String> = []
  /// Enumerations without a name, which stand where they are used first.
  private var placed: Set<BTF.TypeID> = []
  /// Numbers the paddings of a definition.
  private var paddings = 0
  /// How many more bodies are written: in damaged types one may stand in itself twice at each level.
  private var bodiesLeft: Int

  init(_ btf: BTF, _ names: CNames) {
    (self.btf, self.names, layout) = (btf, names, CLayout(btf))
    bodiesLeft = 1000 + 4 * btf.typeCount
  }

  /// Definitions that need one another lie less deep than this; more is damaged.
  private static let mostDeep = 1000

  // MARK: Order

  /// A type of its own right: what has no name stands where it is used.
  func define(_ id: BTF.TypeID) throws(BTFError) {
    switch try btf.kind(of: id) {
    case .struct, .union, .enum, .enum64:
      if names.tags[id] != nil { try need(id, isComplete: true, 0) }
    case .typedef, .fwd: try need(id, isComplete: false, 0)
    default: break
    }
  }

  /// Those without a name that no member is of: their enumerators are constants.
  func defineLeftEnumerations() throws(BTFError) {
    for id in btf.ownTypeIDs where names.tags[id] == nil && !placed.contains(id) {
      switch try btf.kind(of: id) {
      case .enum, .enum64: text += try enumeration(id, indent: 0) + ";\n\n"
      default: break
      }
    }
  }

  /// Writes what must stand before a declaration that names a type.
  ///
  /// - Parameter isComplete: the size of the type counts, and not only its name.
  private func need(
    _ id: BTF.TypeID, isComplete: Bool, _ depth: Int
  ) throws(BTFError) {
    guard depth < Self.mostDeep else { throw .tooDeep(id: id) }
    let depth = depth + 1
    switch try btf.type(id) {
    case .void, .float, .datasec: break
    case .int: try defineNumber(id)
    case .ptr(let target): try need(target, isComplete: false, depth)
    case .const(let target), .volatile(let target), .restrict(let target), .typeTag(let target),
      .declTag(let target, _), .var(let target), .func(let target):
      try need(target, isComplete: isComplete, depth)
    case .array(let element, _, _): try need(element, isComplete: true, depth)
    case .funcProto(let result, let parameters):
      try need(result, isComplete: false, depth)
      for parameter in parameters { try need(parameter.type, isComplete: false, depth) }
    case .typedef(let target):
      try defineTypedef(id, target, depth)
      if isComplete { try need(target, isComplete: true, depth) }
    case .enum, .enum64:
      guard names.tags[id] != nil, states[id] == nil else { break }
      states[id] = .defined
      text += try enumeration(id, indent: 0) + ";\n\n"
    case .fwd(let isUnion): declare(id, isUnion: isUnion)
    case .struct(_, let members): try defineComposite(id, members, isComplete, depth)
    case .union(_, let members): try defineComposite(id, members, isComplete, depth)
    }
  }

  private func declare(_ id: BTF.TypeID, isUnion: Bool) {
    guard let tag = names.tags[id], states[id] != .defined else { return }
    let line = (isUnion ? "union " : "struct ") + tag
    if declared.insert(line).inserted { text += line + ";\n\n" }
  }

  /// A number that C does not have under its name.
  private func defineNumber(_ id: BTF.TypeID) throws(BTFError) {
    guard case .int(let size, _, _, let encoding) = try btf.type(id), states[id] == nil else {
      return
    }
    states[id] = .defined
    let name = try btf.name(of: id)
    let identifier = CNames.identifier(name)
    guard !CNames.isStandard(name), !encoding.contains(.bool),
      declared.insert(identifier).inserted
    else { return }
    let words = [1: "char", 2: "short", 4: "int", 8: "long long", 16: "__int128"][size] ?? "char"
    text +=
      "typedef \(encoding.contains(.signed) ? "signed" : "unsigned") \(words) \(identifier);\n\n"
  }

  private func defineTypedef(
    _ id: BTF.TypeID, _ target: BTF.TypeID, _ depth: Int
  ) throws(BTFError) {
    guard states[id] == nil else { return }
    states[id] = .begun
    try need(target, isComplete: false, depth)
    states[id] = .defined
    // Compilers have this one.
    guard let name = names.typedefs[id], name != "__builtin_va_list" else { return }
    paddings = 0
    text += "typedef " + (try declaration(of: target, name: name, indent: 0)) + ";\n\n"
  }

  private func defineComposite(
    _ id: BTF.TypeID, _ members: [BTFType.Member], _ isComplete: Bool, _ depth: Int
  ) throws(BTFError) {
    let isNamed = names.tags[id] != nil
    if isNamed, !isComplete {
      let isUnion = try btf.kind(of: id) == .union
      return declare(id, isUnion: isUnion)
    }
    guard states[id] != .defined else { return }
    guard states[id] == nil else { throw .tooDeep(id: id) }
    states[id] = .begun
    for member in members { try need(member.type, isComplete: true, depth) }
    states[id] = .defined
    // One without a name stands wherever it is used.
    guard isNamed else { return }
    paddings = 0
    text += try composite(id, indent: 0) + ";\n\n"
  }

  // MARK: Declarations

  /// Counts the bodies that are written.
  func beginBody(of id: BTF.TypeID) throws(BTFError) {
    bodiesLeft -= 1
    guard bodiesLeft > 0 else { throw .tooDeep(id: id) }
  }

  func padding() -> String {
    paddings += 1
    return "__padding_\(paddings)"
  }

  /// A declaration in which structs and enumerations without a name have their members.
  func declaration(
    of id: BTF.TypeID, name: String, indent: Int
  ) throws(BTFError) -> String {
    try btf.declaration(of: id, name: name) { id throws(BTFError) in
      try self.spelling(of: id, indent: indent)
    }
  }

  private func spelling(of id: BTF.TypeID, indent: Int) throws(BTFError) -> String {
    switch try btf.type(id) {
    case .struct, .union:
      guard let tag = names.tags[id] else { return try composite(id, indent: indent) }
      return (try btf.kind(of: id) == .union ? "union " : "struct ") + tag
    case .fwd(let isUnion): return (isUnion ? "union " : "struct ") + (names.tags[id] ?? "")
    case .enum(let size, let isSigned, _), .enum64(let size, let isSigned, _):
      if let tag = names.tags[id] { return "enum " + tag }
      if placed.insert(id).inserted { return try enumeration(id, indent: indent) }
      let words = [1: "char", 2: "short", 8: "long long"][size] ?? "int"
      return (isSigned ? "signed " : "unsigned ") + words
    case .typedef: return names.typedefs[id] ?? ""
    case .int(_, _, _, let encoding):
      let name = try btf.name(of: id)
      if encoding.contains(.bool) { return "_Bool" }
      return CNames.isStandard(name) ? name : CNames.identifier(name)
    default: return try btf.name(of: id)
    }
  }
}
