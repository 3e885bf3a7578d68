import ArgumentParser
import BTF
import KernelBPF
import LineEditing

/// What Tab offers at the prompt, from the one table of commands and from the guest.
struct PromptCompleter {
  let session: Session

  /// - Parameters:
  ///   - before: the line up to the word.
  ///   - word: what there is of it.
  func completion(_ before: String, _ word: String) -> Completion {
    guard let words = try? Words.split(before) else { return .words([]) }
    var command: ParsableCommand.Type = Root.self
    var rest = words[...]
    if rest.first == "help" { rest = rest.dropFirst() }
    while let next = rest.first,
      let inner = command.configuration.subcommands.first(where: { $0.names.contains(next) })
    {
      command = inner
      rest = rest.dropFirst()
    }
    if word.hasPrefix("-") { return .words(matching(word, Root.options(of: command))) }
    if words.first == "help" { return .words(commands(of: command, word)) }
    if command == Root.self {
      return rest.isEmpty
        ? .words(commands(of: command, word) + matching(word, ["help"])) : .words([])
    }
    guard let completed = command as? any CompletedCommand.Type else {
      return .words(commands(of: command, word))
    }
    return completion(completed, Array(rest), word)
  }

  private func completion(
    _ command: any CompletedCommand.Type, _ words: [String], _ word: String
  ) -> Completion {
    if let last = words.last, last.hasPrefix("-") {
      let kinds = command.value(of: last)
      if !kinds.isEmpty { return .words(kinds.flatMap { candidates($0, word) }.sorted()) }
    }
    let kinds = command.nextWord(after: words.filter { !$0.hasPrefix("-") })
    if kinds.contains(.file) { return .files }
    let found = Set(kinds.flatMap { candidates($0, word) }).sorted()
    if kinds.contains(where: { if case .member = $0 { true } else { false } }) {
      return .stems(found)
    }
    return .words(found)
  }

  private func commands(of command: ParsableCommand.Type, _ word: String) -> [String] {
    matching(word, command.configuration.subcommands.flatMap { $0.names })
  }

  private func matching(_ word: String, _ all: [String]) -> [String] {
    all.filter { $0.hasPrefix(word) }
  }

  /// What the guest cannot tell now is not offered: an error would tear the line.
  private func candidates(_ kind: WordKind, _ word: String) -> [String] {
    switch kind {
    case .words(let words): return matching(word, words)
    case .command: return commands(of: Root.self, word)
    case .file: return []
    case .symbol:
      // All 80,000 would help nobody.
      guard !word.isEmpty, let kernel = try? session.kernel else { return [] }
      return kernel.symbols.names(prefix: word)
    case .typeName:
      let keywords = matching(word, TypeCommand.keywords)
      guard !word.isEmpty, let kernel = try? session.kernel else { return keywords }
      return keywords + kernel.btf.typeNames(prefix: word, limit: 1 << 14)
    case .member(let type): return members(of: type, word)
    case .programType:
      guard let programs = try? session.programs else { return [] }
      return matching(word, programs.typeNames.values + ["all"])
    case .programName: return matching(word, programs().map(\.name))
    case .programID: return matching(word, programs().map { "\($0.id)" })
    }
  }

  private func programs() -> [BPFProgram] {
    (try? session.list(BPFProgramQuery()))?.value.programs ?? []
  }

  /// `.mm.pg` of `task_struct`: the members that begin so of what `.mm` is.
  private func members(of type: String, _ word: String) -> [String] {
    guard let kernel = try? session.kernel,
      let id = try? kernel.btf.type(userText: type, in: kernel.file)
    else { return [] }
    guard let dot = word.lastIndex(of: ".") else { return word.isEmpty ? ["."] : [] }
    let (base, start) = (word[..<dot], word[word.index(after: dot)...])
    guard let path = MemberPath(String(base)), let inner = path.type(from: id, kernel.btf),
      let names = try? kernel.btf.memberNames(of: inner)
    else { return [] }
    return names.filter { $0.hasPrefix(start) }.map { base + "." + $0 }
  }
}

extension MemberPath {
  /// The type at the end of the path, pointers followed; nil where it leads nowhere.
  fileprivate func type(from type: UInt32, _ btf: BTF) -> UInt32? {
    var type = type
    func pointee(_ type: UInt32) -> UInt32? {
      guard let resolved = try? btf.resolve(type) else { return nil }
      if case .ptr(let target)? = try? btf.type(resolved) { return try? btf.resolve(target) }
      return resolved
    }
    for step in steps {
      guard let resolved = try? btf.resolve(type) else { return nil }
      switch (step, try? btf.type(resolved)) {
      case (.member(let name), _):
        guard let inner = pointee(type), let field = try? btf.field(name, in: inner) else {
          return nil
        }
        type = field.type
      case (.element, .ptr(let target)): type = target
      case (.element, .array(let element, _, _)): type = element
      default: return nil
      }
    }
    return pointee(type)
  }
}

extension BTF {
  /// The names of a struct's members, those of its anonymous members among them.
  fileprivate func memberNames(of id: UInt32) throws(BTFError) -> [String] {
    try layout(of: id)?.map(\.name).filter { !$0.isEmpty } ?? []
  }
}
