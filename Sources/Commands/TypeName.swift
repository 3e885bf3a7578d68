import BTF
import KernelImage

extension BTF {
  /// The type that a user means: `task_struct`, `struct list_head`, `enum bpf_prog_type`, `u64`, or
  /// a pointer to it, `scx_sched *`.
  ///
  /// Without a keyword a struct comes before a typedef of its name.
  func type(userText text: String, in file: String) throws -> UInt32 {
    let stars = text.reversed().prefix { $0 == "*" || $0 == " " }
    let name = String(text.dropLast(stars.count))
    guard !name.isEmpty else { throw CommandError("'\(text)' names no type") }
    var found = type(named: name)
    for star in stars where star == "*" { found = found.flatMap(pointer) }
    guard let found else { throw CommandError("the BTF of \(file) has no type \(text)") }
    return found
  }

  private func pointer(to pointee: UInt32) -> UInt32? {
    (1..<endID).first { id in
      if case .ptr(pointee)? = try? type(id) { true } else { false }
    }
  }

  private func type(named text: String) -> UInt32? {
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
    return nil
  }

  /// The structs, unions, enums, typedefs and numbers whose name matches a shell pattern, by name,
  /// each once.
  ///
  /// - Parameter text: the pattern; `struct`, `union` or `enum` may stand before it.
  func types(matching text: String) -> [UInt32] {
    let words = text.split(separator: " ").map(String.init)
    let named = words.count == 2 ? Self.kinds(of: words[0]) : nil
    let kinds = named.map(Set.init) ?? Self.namedKinds
    let pattern = Glob(named == nil ? words.joined(separator: " ") : words[1])
    var found: [String: UInt32] = [:]
    for id in 1..<endID {
      guard let kind = try? kind(of: id), kinds.contains(kind), let name = try? name(of: id),
        !name.isEmpty, pattern.matches(name)
      else { continue }
      found["\(name) \(kind)"] = found["\(name) \(kind)"] ?? id
    }
    return found.sorted { $0.key < $1.key }.map(\.value)
  }

  private static let namedKinds: Set<BTFKind> = [
    .struct, .union, .enum, .enum64, .typedef, .int,
  ]

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
    let kinds = keyword.flatMap(Self.kinds).map(Set.init) ?? Self.namedKinds
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
