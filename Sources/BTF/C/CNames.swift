/// What types are called in C: BTF may have several of one name, and names that are none in C.
struct CNames {
  /// Of structs, unions and enumerations.
  private(set) var tags: [BTF.TypeID: String] = [:]
  private(set) var typedefs: [BTF.TypeID: String] = [:]
  private(set) var enumerators: [BTF.TypeID: [String]] = [:]
  /// Definitions by their names in BTF, the first of each name.
  private var definitions: [String: BTF.TypeID] = [:]

  /// Names in the order of the ids: the first of several has its own, the second ends in `___2`.
  init(_ btf: BTF) throws(BTFError) {
    var (tagCounts, wordCounts): ([String: Int], [String: Int]) = ([:], [:])
    func unique(_ name: String, _ counts: inout [String: Int]) -> String {
      let count = (counts[name] ?? 0) + 1
      counts[name] = count
      return count == 1 ? name : "\(name)___\(count)"
    }
    for id in btf.typeIDs {
      let kind = try btf.kind(of: id)
      let name = Self.identifier(try btf.name(of: id))
      switch kind {
      case .struct, .union, .enum, .enum64:
        if !name.isEmpty {
          tags[id] = unique(name, &tagCounts)
          let key = Self.key(name, isUnion: kind == .union)
          if definitions[key] == nil, kind == .struct || kind == .union { definitions[key] = id }
        }
        guard kind == .enum || kind == .enum64 else { break }
        let list: [BTFType.Enumerator]
        switch try btf.type(id) {
        case .enum(_, _, let all), .enum64(_, _, let all): list = all
        default: list = []
        }
        enumerators[id] = list.map { unique(Self.identifier(btf.text($0.name)), &wordCounts) }
      case .typedef: typedefs[id] = unique(name, &wordCounts)
      default: break
      }
    }
    for id in btf.typeIDs {
      guard case .fwd(let isUnion) = try btf.type(id) else { continue }
      let name = Self.identifier(try btf.name(of: id))
      let defined = definitions[Self.key(name, isUnion: isUnion)]
      tags[id] = defined.flatMap { tags[$0] } ?? unique(name, &tagCounts)
      if defined == nil { definitions[Self.key(name, isUnion: isUnion)] = id }
    }
  }

  private static func key(_ name: String, isUnion: Bool) -> String {
    (isUnion ? "union " : "struct ") + name
  }

  /// The name itself where C takes it for one; other languages have others.
  static func identifier(_ name: String) -> String {
    var text = ""
    for scalar in name.unicodeScalars {
      let isPlain =
        scalar == "_" || ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
        || (!text.isEmpty && ("0"..."9").contains(scalar))
      text += isPlain ? String(scalar) : "_"
    }
    return keywords.contains(text) ? text + "_" : text
  }

  private static let keywords: Set = [
    "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum",
    "extern", "float", "for", "goto", "if", "inline", "int", "long", "register", "restrict",
    "return", "short", "signed", "sizeof", "static", "struct", "switch", "typedef", "union",
    "unsigned", "void", "volatile", "while", "asm", "typeof",
  ]

  /// True for a number that C has under this name: `long unsigned int`.
  static func isStandard(_ name: String) -> Bool {
    let words: Set<Substring> = [
      "signed", "unsigned", "char", "short", "int", "long", "__int128", "_Bool", "float", "double",
      "_Float16", "__fp16", "__bf16",
    ]
    return !name.isEmpty && name.split(separator: " ").allSatisfy(words.contains)
  }
}
