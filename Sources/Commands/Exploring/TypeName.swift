import GuestScopeBTF
import GuestScopeKernelImage

/// A type that a user named, and the BTF that has it: an array that no variable of the kernel is, is
/// in a BTF of its own.
struct NamedType {
  var btf: BTF
  var id: BTF.TypeID
}

extension BTF {
  /// The type that a user means: `task_struct`, `struct list_head`, `enum bpf_prog_type`, `u64`, a
  /// pointer to it, `scx_sched *`, or an array of it, `char[64]`.
  ///
  /// Without a keyword a struct comes before a typedef of its name. `#` and a type's id after the
  /// name distinguish it from others of the same name.
  func type(userText text: String, in file: String) throws -> NamedType {
    var (name, counts) = (text[...], [UInt32]())
    while let (start, count) = Self.arrayLength(name) {
      counts.append(count)
      name = start
    }
    let stars = name.reversed().prefix { $0 == "*" || $0 == " " }
    name = name.dropLast(stars.count)
    guard !name.isEmpty else { throw CommandError("'\(text)' names no type") }
    var type = try type(named: String(name), in: file, asked: text)
    for star in stars where star == "*" {
      guard let pointer = pointer(to: type) else {
        throw CommandError("the BTF of \(file) has no type \(text)")
      }
      type = pointer
    }
    // Of `u8[2][3]` the last is the innermost.
    var found = NamedType(btf: self, id: type)
    for count in counts {
      (found.btf, found.id) = try found.btf.addingArray(of: found.id, count: count)
    }
    return found
  }

  /// Splits `char[64]` into `char` and 64; nil for what does not end so.
  private static func arrayLength(_ text: Substring) -> (Substring, UInt32)? {
    guard text.last == "]", let open = text.lastIndex(of: "["),
      let count = UInt64(userText: text[text.index(after: open)...].dropLast()),
      let count = UInt32(exactly: count)
    else { return nil }
    return (text[..<open], count)
  }

  private func pointer(to pointee: TypeID) -> TypeID? {
    typeIDs.first { id in
      if case .ptr(pointee)? = try? type(id) { true } else { false }
    }
  }

  /// - Parameter asked: what the user typed, for the message that there is none.
  private func type(named text: String, in file: String, asked: String) throws -> TypeID {
    let parts = text.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
    let groups = types(named: String(parts[0]))
    if parts.count == 2, let id = groups.joined().first(where: { "\($0)" == parts[1] }) {
      return id
    }
    guard parts.count == 1, let found = groups.first else {
      throw CommandError("the BTF of \(file) has no type \(asked)")
    }
    guard found.count == 1 else {
      let list = found.map { id in
        let detail = size(of: id).map { "\($0) bytes" } ?? (try? declaration(of: id))
        return spelling(of: id) + (detail.map { " (\($0))" } ?? "")
      }
      throw CommandError(
        "\(found.count) types of \(file) are called \(text): \(list.joined(separator: ", ")); "
          + "say which one, as in '\(spelling(of: found[0]))'")
    }
    return found[0]
  }

  /// The types that a name may mean, in groups; one of an earlier group hides those of later ones.
  private func types(named text: String) -> [[TypeID]] {
    let words = text.split(separator: " ").map(String.init)
    let (name, groups): (String, [Set<BTFKind>])
    if words.count == 2, let kinds = Self.kinds[words[0]] {
      (name, groups) = (words[1], [kinds])
    } else {
      name = Self.spellings[text] ?? words.joined(separator: " ")
      groups = [[.struct, .union, .enum, .enum64], [.typedef, .int, .float], [.func, .var]]
    }
    let found = ids(named: name)
    return groups.map { kinds in
      // Typedefs of the same type are one: x86 6.12 has `u8` twice.
      var seen: Set<TypeID> = []
      return found.filter { id in
        guard let kind = try? kind(of: id), kinds.contains(kind) else { return false }
        return seen.insert((try? resolve(id)) ?? id).inserted
      }
    }.filter { !$0.isEmpty }
  }

  /// `struct console#1234`: what means this type alone.
  private func spelling(of id: TypeID) -> String {
    let keyword: String? =
      switch try? kind(of: id) {
      case .struct: "struct"
      case .union: "union"
      case .enum, .enum64: "enum"
      default: nil
      }
    return (keyword.map { $0 + " " } ?? "") + ((try? name(of: id)) ?? "") + "#\(id)"
  }

  /// The structs, unions, enums, typedefs and numbers whose name matches a shell pattern, by name,
  /// each once.
  ///
  /// - Parameter text: the pattern; `struct`, `union` or `enum` may stand before it.
  func types(matching text: String) -> [TypeID] {
    let words = text.split(separator: " ").map(String.init)
    let named = words.count == 2 ? Self.kinds[words[0]] : nil
    let kinds = named ?? Self.namedKinds
    let pattern = Glob(named == nil ? words.joined(separator: " ") : words[1])
    var found: [String: TypeID] = [:]
    for id in typeIDs {
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

  private static let kinds: [String: Set<BTFKind>] = [
    "struct": [.struct], "union": [.union], "enum": [.enum, .enum64],
  ]

  /// The names that `type(userText:)` finds, with a prefix, each once; after one that several types
  /// have, and nothing else begins with, `NAME#ID` of each.
  ///
  /// - Parameter keyword: stands before the name.
  func typeNames(prefix: String, keyword: String?, limit: Int) -> [String] {
    let name = prefix.prefix { $0 != "#" }
    let names = plainNames(prefix: String(name), keyword: keyword, limit: limit)
    guard prefix.contains("#") || names.count == 1 else { return Array(names) }
    let only = prefix.contains("#") ? String(name) : names.first ?? ""
    let found = types(named: (keyword.map { $0 + " " } ?? "") + only).first ?? []
    let all = [only] + (found.count > 1 ? found.map { "\(only)#\($0)" } : [])
    return all.filter { $0.hasPrefix(prefix) }
  }

  private func plainNames(prefix: String, keyword: String?, limit: Int) -> Set<String> {
    let kinds =
      keyword.flatMap { Self.kinds[$0] } ?? Self.namedKinds
    var names: Set<String> = []
    for id in typeIDs {
      guard names.count < limit, let kind = try? kind(of: id), kinds.contains(kind),
        let name = try? name(of: id), name.hasPrefix(prefix), !name.isEmpty
      else { continue }
      names.insert(name)
    }
    return names
  }
}
