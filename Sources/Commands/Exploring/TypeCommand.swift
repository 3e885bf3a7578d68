import ArgumentParser
import GuestScopeBTF
import GuestScopeBytes

/// `type`: a type of the guest's kernel.
struct TypeCommand: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "type", abstract: "A kernel type: members, offsets and sizes from its BTF.",
    discussion: """
      Reads like pahole: after each member its offset and size in bytes, for a bit-field \
      offset:bit; then holes.

      Several types may have one name: then they are listed, and NAME#ID, with the id of a type, \
      means one of them. A pattern of *, ? and [a-z] lists the structs, unions, enums and typedefs \
      whose name matches. A star after the whole name of a type is a pointer to it, and a number in \
      brackets an array.

      With -k alone, where no guest is named and nothing listens on port 1234, the file answers.
      """)

  @Argument(
    help: ArgumentHelp(
      "task_struct, 'struct list_head', 'enum bpf_prog_type', u64, 'char[64]', console#1234, 'bpf_*'.",
      valueName: "name"))
  var words: [String]
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static func nextWord(after words: [String]) -> [WordKind] {
    guard let keyword = words.last else { return [.typeName(keyword: nil)] }
    return keywords.contains(keyword) ? [.typeName(keyword: keyword)] : []
  }

  static let keywords = ["struct", "union", "enum"]

  func answer(in session: Session) throws -> Answer {
    let kernel = try session.namedKernel(try session.kernel)
    let types = try kernel.btf
    let text = words.joined(separator: " ")
    let named: NamedType
    do { named = try types.type(userText: text, in: kernel.file) } catch {
      guard text.contains(where: { "*?[".contains($0) }) else { throw error }
      return try list(text, types, kernel.file)
    }
    let (btf, id) = (named.btf, named.id)
    let target = try btf.resolve(id)
    let declaration = try btf.declaration(of: id, name: try btf.ownName(of: id))
    let size = btf.size(of: id)
    var document: JSON = [
      "id": id < types.endID ? JSON(id.rawValue) : .null,
      "name": .string(try btf.name(of: id)),
      "declaration": .string(declaration),
      "kind": .string("\(try btf.kind(of: id))"), "size": JSON(size),
    ]
    let comment = size.map { "  /* size: \($0) */" } ?? ""
    // What a typedef or a variable stands for.
    let alias =
      id == target
      ? "" : try btf.declaration(of: try btf.next(of: id), name: try btf.name(of: id))
    let word = try btf.kind(of: id) == .typedef ? "typedef " : ""
    let rows = try btf.layout(of: target)
    let enumerators = try btf.enumerators(of: target)
    var lines: [String] = []
    var (title, end) = (try btf.declaration(of: target), "};" + comment)
    if rows == nil, enumerators == nil {
      lines = [alias.isEmpty ? "\(declaration);\(comment)" : "\(word)\(alias);\(comment)"]
    } else if try btf.name(of: target).isEmpty {
      // One without a name, as C writes it.
      title = word + (title.split(separator: " ").first ?? "")
      end = "} \(try btf.name(of: id));" + comment
    } else if !alias.isEmpty {
      lines = ["\(word)\(alias);"]
    }
    if let rows, let size {
      lines += TypeLayout(title: title, rows: rows, size: size, lastLine: end).lines
      document = document.adding(["members": .array(rows.map(\.json))])
    } else if let enumerators {
      lines += [title + " {"] + enumerators.map { "    \($0.name) = \($0.value)," } + [end]
      document = document.adding([
        "enumerators": .array(
          enumerators.map { ["name": .string($0.name), "value": JSON($0.value)] })
      ])
    }
    return Answer(document, .lines(lines))
  }
}

extension TypeCommand {
  /// The types whose name matches a pattern.
  private func list(_ pattern: String, _ btf: BTF, _ file: String) throws -> Answer {
    let types = btf.types(matching: pattern)
    guard !types.isEmpty else {
      throw CommandError("the BTF of \(file) has no type that matches \(pattern)")
    }
    var (documents, lines): ([JSON], [String]) = ([], [])
    for id in types {
      let (declaration, size) = (try btf.declaration(of: id), btf.size(of: id))
      documents.append([
        "name": .string(try btf.name(of: id)), "declaration": .string(declaration),
        "kind": .string("\(try btf.kind(of: id))"), "size": JSON(size),
      ])
      lines.append(declaration + ";" + (size.map { "  /* size: \($0) */" } ?? ""))
    }
    return Answer(.array(documents), .lines(lines))
  }
}

extension BTF {
  /// The name to declare a type with: a function has one, other types are one.
  fileprivate func ownName(of id: TypeID) throws(BTFError) -> String {
    let kind = try kind(of: id)
    return kind == .func || kind == .var ? try name(of: id) : ""
  }

  /// What a typedef stands for, one step on.
  fileprivate func next(of id: TypeID) throws(BTFError) -> TypeID {
    if case .typedef(let target) = try type(id) { target } else { id }
  }
}

extension LayoutRow {
  fileprivate var json: JSON {
    [
      "name": .string(name), "declaration": .string(declaration), "depth": JSON(depth),
      "offset": JSON(field.offset), "size": JSON(field.size),
      "bit_offset": JSON(field.bits?.lowerBound), "bit_size": JSON(field.bits?.count),
    ]
  }
}

/// A struct's layout in lines.
struct TypeLayout {
  var title: String
  var rows: [LayoutRow]
  var size: Int
  var lastLine: String

  /// Where the comments begin, tabs spelled out.
  private static let column = 48

  var lines: [String] {
    var lines = [title + " {"]
    /// The anonymous members that are open, the innermost last.
    var open: [LayoutRow] = []
    func close() {
      let row = open.removeLast()
      lines.append(line(row, indent: open.count, "};"))
    }
    /// Bits that outermost members have filled so far.
    var end = 0
    for row in rows {
      while open.count > row.depth { close() }
      if row.depth == 0 {
        lines += gap("hole", from: end, to: row.firstBit)
        end = max(end, row.endBit)
      }
      if row.isAnonymous {
        let opened = row.declaration.split(separator: " ").first ?? "struct"
        lines.append(String(repeating: "    ", count: row.depth + 1) + opened + " {")
        open.append(row)
      } else {
        lines.append(line(row, indent: row.depth, row.declaration + ";"))
      }
    }
    while !open.isEmpty { close() }
    lines += gap("padding", from: end, to: size * 8)
    lines.append(lastLine)
    return lines
  }

  private func line(_ row: LayoutRow, indent: Int, _ text: String) -> String {
    var line = String(repeating: "    ", count: indent + 1) + text
    line += String(repeating: " ", count: max(1, Self.column - line.count))
    let bit = row.field.bits.map { ":\($0.lowerBound)" } ?? ""
    return line + "/* \(row.field.offset)\(bit)  \(row.field.size) */"
  }

  /// Bits that no member has: a hole between two, padding after the last.
  private func gap(_ name: String, from end: Int, to start: Int) -> [String] {
    guard start > end else { return [] }
    let (bytes, bits) = ((start - end) / 8, (start - end) % 8)
    let size = [(bytes, "byte"), (bits, "bit")].filter { $0.0 > 0 }
      .map { counted($0.0, $0.1) }.joined(separator: " ")
    return ["    /* \(name): \(size) */"]
  }
}

extension LayoutRow {
  fileprivate var isAnonymous: Bool { name.isEmpty && field.bits == nil }
  fileprivate var firstBit: Int { field.offset * 8 + (field.bits?.lowerBound ?? 0) }
  fileprivate var endBit: Int {
    field.bits.map { field.offset * 8 + $0.upperBound } ?? (field.offset + field.size) * 8
  }
}
