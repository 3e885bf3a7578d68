import BTF

extension BTF {
  /// The type that a user means: `task_struct`, `struct list_head`, `enum bpf_prog_type`, `u64`.
  ///
  /// Without a keyword a struct comes before a typedef of its name.
  func type(userText text: String, in file: String) throws -> UInt32 {
    let words = text.split(separator: " ").map(String.init)
    let (name, kinds): (String, [BTFKind])
    if words.count == 2, let named = Self.kinds(of: words[0]) {
      (name, kinds) = (words[1], named)
    } else {
      name = Self.spellings[text] ?? words.joined(separator: " ")
      kinds = [.struct, .union, .enum, .enum64, .typedef, .int, .float, .func, .var]
    }
    let found = ids(named: name)
    for kind in kinds {
      for id in found where (try? self.kind(of: id)) == kind { return id }
    }
    throw CommandError("the BTF of \(file) has no type \(text)")
  }

  /// As C has them, what compilers and so BTF call otherwise.
  private static let spellings = [
    "short": "short int", "unsigned short": "short unsigned int", "unsigned": "unsigned int",
    "long": "long int", "unsigned long": "long unsigned int", "long long": "long long int",
    "unsigned long long": "long long unsigned int",
  ]

  private static func kinds(of keyword: String) -> [BTFKind]? {
    ["struct": [.struct], "union": [.union], "enum": [.enum, .enum64]][keyword]
  }

  /// The names that `type(userText:)` finds, with a prefix, each once.
  ///
  /// - Parameter keyword: stands before the name.
  func typeNames(prefix: String, keyword: String?, limit: Int) -> [String] {
    let kinds: Set<BTFKind> =
      keyword.flatMap(Self.kinds).map(Set.init)
      ?? [.struct, .union, .enum, .enum64, .typedef, .int]
    var names: Set<String> = []
    for id in 1..<endID {
      guard names.count < limit, let kind = try? kind(of: id), kinds.contains(kind),
        let name = try? name(of: id), name.hasPrefix(prefix), !name.isEmpty
      else { continue }
      names.insert(name)
    }
    return Array(names)
  }
}
