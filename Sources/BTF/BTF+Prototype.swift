extension BTF {
  /// A function or its type as bpftool writes it, which is not quite C (`btf_dump_func()` and
  /// `__btf_dumper_type_only()` of tools/bpf/bpftool/btf_dumper.c): `void (struct sock * sk, u32)`.
  ///
  /// - Returns: nil for a text of 1024 bytes or more, and for damaged types.
  public func prototype(of id: TypeID) -> String? {
    var text = ""
    var steps = 1024
    do throws(BTFError) { try append(id, to: &text, depth: 0, &steps) } catch { return nil }
    return text.utf8.count < 1024 ? text : nil
  }

  private func append(
    _ id: TypeID, to text: inout String, depth: Int, _ steps: inout Int
  ) throws(BTFError) {
    steps -= 1
    guard depth < Self.maxDepth, steps > 0 else { throw .tooDeep(id: id) }
    let depth = depth + 1
    switch try type(id) {
    case .void: text += "void "
    case .int, .typedef, .float: text += try name(of: id) + " "
    case .struct: text += "struct " + (try name(of: id)) + " "
    case .union: text += "union " + (try name(of: id)) + " "
    case .enum, .enum64: text += "enum " + (try name(of: id)) + " "
    case .fwd(let isUnion): text += (isUnion ? "union " : "struct ") + (try name(of: id)) + " "
    case .array(let element, _, let count):
      try append(element, to: &text, depth: depth, &steps)
      text += "[\(count)]"
    case .ptr(let target):
      try append(target, to: &text, depth: depth, &steps)
      text += "* "
    case .const(let target):
      text += "const "
      try append(target, to: &text, depth: depth, &steps)
    case .volatile(let target):
      text += "volatile "
      try append(target, to: &text, depth: depth, &steps)
    case .restrict(let target):
      text += "restrict "
      try append(target, to: &text, depth: depth, &steps)
    case .typeTag(let target), .declTag(let target, _), .var(let target):
      try append(target, to: &text, depth: depth, &steps)
    case .func(let proto):
      guard case .funcProto(let result, let parameters) = try type(proto) else {
        throw .noType(id: proto)
      }
      try append(result, try name(of: id), parameters, to: &text, depth: depth, &steps)
    case .funcProto(let result, let parameters):
      try append(result, "", parameters, to: &text, depth: depth, &steps)
    case .datasec: text += "section (\"\(try name(of: id))\") "
    }
  }

  private func append(
    _ result: TypeID, _ name: String, _ parameters: [BTFType.Parameter], to text: inout String,
    depth: Int, _ steps: inout Int
  ) throws(BTFError) {
    try append(result, to: &text, depth: depth, &steps)
    text += name + "("
    for (index, parameter) in parameters.enumerated() {
      if index > 0 { text += ", " }
      guard parameter.type != .void else {
        text += "..."
        continue
      }
      try append(parameter.type, to: &text, depth: depth, &steps)
      if !parameter.name.isEmpty {
        text += self.text(parameter.name)
      } else if text.last == " " {
        text.removeLast()
      }
    }
    text += ")"
  }
}
