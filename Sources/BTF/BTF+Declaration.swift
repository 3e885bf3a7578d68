extension BTF {
  /// A type in C, such as `struct bpf_prog_aux *`, or with a name the declaration of a variable of
  /// this type, such as `u8 tag[8]` or `int (*open)(struct inode *)`.
  public func declaration(of id: TypeID, name: String = "") throws(BTFError) -> String {
    var steps = 1024
    return try declaration(of: id, name, depth: 0, &steps)
  }

  /// C declares from the name outwards: each level wraps what was declared so far.
  private func declaration(
    of id: TypeID, _ inner: String, depth: Int, _ steps: inout Int
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
        switch try kind(of: target) {
        case .array, .funcProto: "(*\(inner))"
        default: "*\(inner)"
        }
      return try declaration(of: target, wrapped, depth: depth, &steps)
    case .array(let element, _, let count):
      return try declaration(of: element, "\(inner)[\(count)]", depth: depth, &steps)
    case .funcProto(let result, let parameters):
      var list: [String] = []
      for parameter in parameters {
        list.append(
          parameter.type == .void
            ? "..." : try declaration(of: parameter.type, "", depth: depth, &steps))
      }
      let arguments = list.isEmpty ? "void" : list.joined(separator: ", ")
      return try declaration(of: result, "\(inner)(\(arguments))", depth: depth, &steps)
    case .const(let target):
      return try qualified("const", target, inner, depth: depth, &steps)
    case .volatile(let target):
      return try qualified("volatile", target, inner, depth: depth, &steps)
    case .restrict(let target):
      return try qualified("restrict", target, inner, depth: depth, &steps)
    case .typeTag(let target), .declTag(let target, _):
      return try declaration(of: target, inner, depth: depth, &steps)
    case .func(let proto):
      let own = try name(of: id)
      return try declaration(of: proto, inner.isEmpty ? own : inner, depth: depth, &steps)
    case .var(let target):
      let own = try name(of: id)
      return try declaration(of: target, inner.isEmpty ? own : inner, depth: depth, &steps)
    case .struct: return plain("struct " + (try tag(id)))
    case .union: return plain("union " + (try tag(id)))
    case .enum, .enum64: return plain("enum " + (try tag(id)))
    case .fwd(let isUnion): return plain((isUnion ? "union " : "struct ") + (try tag(id)))
    case .int, .float, .typedef: return plain(try name(of: id))
    case .datasec: return plain("section " + (try name(of: id)))
    }
  }

  /// A qualifier of a pointer stands after its `*`, any other before the type.
  private func qualified(
    _ qualifier: String, _ target: TypeID, _ inner: String, depth: Int, _ steps: inout Int
  ) throws(BTFError) -> String {
    if try kind(of: target) == .ptr {
      let words = inner.isEmpty ? qualifier : qualifier + " " + inner
      return try declaration(of: target, words, depth: depth, &steps)
    }
    return qualifier + " " + (try declaration(of: target, inner, depth: depth, &steps))
  }

  private func tag(_ id: TypeID) throws(BTFError) -> String {
    let name = try name(of: id)
    return name.isEmpty ? "{...}" : name
  }
}
