extension BTF {
  /// A type in C, such as `struct bpf_prog_aux *`, or with a name the declaration of a variable of
  /// this type, such as `u8 tag[8]` or `int (*open)(struct inode *)`.
  public func declaration(of id: TypeID, name: String = "") throws(BTFError) -> String {
    try declaration(of: id, name: name) { id throws(BTFError) in try spelling(of: id) }
  }

  /// What a declaration calls a type that it does not take apart: a number, a struct, a typedef.
  typealias Spelling = (TypeID) throws(BTFError) -> String

  /// The same with other words for the types that it ends in.
  func declaration(
    of id: TypeID, name: String, spelling: Spelling
  ) throws(BTFError) -> String {
    var steps = 1024
    return try declaration(of: id, name, depth: 0, &steps, spelling)
  }

  private func spelling(of id: TypeID) throws(BTFError) -> String {
    switch try type(id) {
    case .struct: "struct " + (try tag(id))
    case .union: "union " + (try tag(id))
    case .enum, .enum64: "enum " + (try tag(id))
    case .fwd(let isUnion): (isUnion ? "union " : "struct ") + (try tag(id))
    case .datasec: "section " + (try name(of: id))
    default: try name(of: id)
    }
  }

  /// C declares from the name outwards: each level wraps what was declared so far.
  private func declaration(
    of id: TypeID, _ inner: String, depth: Int, _ steps: inout Int, _ spelling: Spelling
  ) throws(BTFError) -> String {
    steps -= 1
    guard depth < Self.maxDepth, steps > 0 else { throw .tooDeep(id: id) }
    let depth = depth + 1
    func plain(_ words: String) -> String { inner.isEmpty ? words : words + " " + inner }

    switch try type(id) {
    case .void: return plain("void")
    case .ptr(let target):
      // `[]` and `()` bind tighter than `*`.
      let wrapped =
        switch try kind(of: try unqualified(target)) {
        case .array, .funcProto: "(*\(inner))"
        default: "*\(inner)"
        }
      return try declaration(of: target, wrapped, depth: depth, &steps, spelling)
    case .array(let element, _, let count):
      return try declaration(of: element, "\(inner)[\(count)]", depth: depth, &steps, spelling)
    case .funcProto(let result, let parameters):
      var list: [String] = []
      for parameter in parameters {
        list.append(
          parameter.type == .void
            ? "..." : try declaration(of: parameter.type, "", depth: depth, &steps, spelling))
      }
      let arguments = list.isEmpty ? "void" : list.joined(separator: ", ")
      return try declaration(of: result, "\(inner)(\(arguments))", depth: depth, &steps, spelling)
    case .const(let target):
      return try qualified("const", target, inner, depth: depth, &steps, spelling)
    case .volatile(let target):
      return try qualified("volatile", target, inner, depth: depth, &steps, spelling)
    case .restrict(let target):
      return try qualified("restrict", target, inner, depth: depth, &steps, spelling)
    case .typeTag(let target), .declTag(let target, _):
      return try declaration(of: target, inner, depth: depth, &steps, spelling)
    case .func(let proto):
      let own = try name(of: id)
      return try declaration(of: proto, inner.isEmpty ? own : inner, depth: depth, &steps, spelling)
    case .var(let target):
      let own = try name(of: id)
      return try declaration(
        of: target, inner.isEmpty ? own : inner, depth: depth, &steps, spelling)
    case .struct, .union, .enum, .enum64, .fwd, .int, .float, .typedef, .datasec:
      return plain(try spelling(id))
    }
  }

  /// A qualifier of a pointer stands after its `*`, any other before the type.
  private func qualified(
    _ qualifier: String, _ target: TypeID, _ inner: String, depth: Int, _ steps: inout Int,
    _ spelling: Spelling
  ) throws(BTFError) -> String {
    switch try kind(of: try unqualified(target)) {
    // Compilers write a function that does not return as volatile, and a pure one as const.
    case .funcProto: return try declaration(of: target, inner, depth: depth, &steps, spelling)
    default: break
    }
    if try kind(of: target) == .ptr {
      let words = inner.isEmpty ? qualifier : qualifier + " " + inner
      return try declaration(of: target, words, depth: depth, &steps, spelling)
    }
    let text = try declaration(of: target, inner, depth: depth, &steps, spelling)
    // An array and its elements may both have it, and C takes it once.
    return text.hasPrefix(qualifier + " ") ? text : qualifier + " " + text
  }

  /// What qualifiers and type tags stand before.
  private func unqualified(_ id: TypeID) throws(BTFError) -> TypeID {
    var id = id
    for _ in 0..<Self.maxDepth {
      switch try type(id) {
      case .const(let target), .volatile(let target), .restrict(let target), .typeTag(let target):
        id = target
      default: return id
      }
    }
    throw .tooDeep(id: id)
  }

  private func tag(_ id: TypeID) throws(BTFError) -> String {
    let name = try name(of: id)
    return name.isEmpty ? "{...}" : name
  }
}
