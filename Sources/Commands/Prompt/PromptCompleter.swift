import ArgumentParser
import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel
import LineEditing

/// What Tab offers at the prompt and in a shell, from the one table of commands and from the guest.
struct PromptCompleter {
  let session: Session
  /// A shell asks, whose lines open a session.
  var isForShell = false
  /// What only the guest knows is offered as well.
  var asksGuest = true

  /// - Parameters:
  ///   - before: the line up to the word.
  ///   - word: what there is of it.
  func completion(_ before: String, _ word: String) -> Completion {
    // A quote that has just been opened belongs to the word.
    let isQuoted = before.last == "'" || before.last == "\""
    guard
      let line = (try? LineCommand.unfinished(before))
        ?? (isQuoted ? try? LineCommand.unfinished(String(before.dropLast())) : nil)
    else { return .words([]) }
    guard case .words(let words) = line else { return .files }
    return completion(after: words, word)
  }

  /// - Parameter words: those before the word.
  func completion(after words: [String], _ word: String) -> Completion {
    if isForShell, let completion = sessionValue(after: words.last, word) { return completion }
    let named = CommandWords(words)
    let (command, rest) = (named.command, named.rest)
    if named.isHelp { return .words(commands(of: command, word)) }
    if word.hasPrefix("-"), !word.hasPrefix("->") {
      // What opens a session is not for its lines: before the command stand what all commands have.
      let own = command == Root.self && !isForShell ? Info.self : command
      let options = (isForShell ? [own, Root.self] : [own]).flatMap(OptionDescription.all)
      return .words(matching(word, options.flatMap(\.words).unique))
    }
    if command == Root.self {
      return rest.isEmpty
        ? .words((commands(of: command, word) + matching(word, ["help"])).sorted()) : .words([])
    }
    let standard = command.configuration.defaultSubcommand as? any CompletedCommand.Type
    if let standard, rest.isEmpty {
      return .words(commands(of: command, word) + self.words(of: standard, [], word).found)
    }
    guard let completed = (command as? any CompletedCommand.Type) ?? standard else {
      return .words(commands(of: command, word))
    }
    let (kinds, found) = self.words(of: completed, Array(rest), word)
    if kinds.contains(.file) { return .files }
    if kinds.contains(where: { if case .member = $0 { true } else { false } }) {
      return .stems(found)
    }
    return .words(found)
  }

  /// What a command takes after these words.
  private func words(
    of command: any CompletedCommand.Type, _ words: [String], _ word: String
  ) -> (kinds: [WordKind], found: [String]) {
    let options = OptionDescription.all(of: command)
    let keys = (command as? any OrderedCommand.Type)?.keys ?? []
    var arguments: [String] = []
    /// Of the option before, if it takes a value.
    var values: [String]?
    for word in words {
      if word.hasPrefix("-") {
        values = options.first { $0.words.contains(word) }?.values
        if word == "--sort" || word == "--columns" { values = keys }
      } else if values == nil {
        arguments.append(word)
      } else {
        values = nil
      }
    }
    let kinds = values.map { [.words($0)] } ?? command.nextWord(after: arguments)
    return (kinds, kinds.flatMap { candidates($0, word) }.unique)
  }

  private func commands(of command: ParsableCommand.Type, _ word: String) -> [String] {
    matching(word, command.configuration.subcommands.flatMap { $0.names }.sorted())
  }

  func matching(_ word: String, _ all: [String]) -> [String] {
    all.filter { $0.hasPrefix(word) }
  }

  /// What the guest cannot say now is not offered: an error would tear the line.
  private func candidates(_ kind: WordKind, _ word: String) -> [String] {
    if !asksGuest, kind.isOfGuest { return [] }
    switch kind {
    case .words(let words): return matching(word, words)
    case .file: return []
    case .symbol:
      // All 80,000 would help nobody.
      guard !word.isEmpty, let named = try? session.namedKernel(try session.kernel),
        let symbols = try? named.symbols
      else { return [] }
      let names = symbols.names(prefix: word).sorted()
      guard let kernel = named.guest else { return names }
      if word.contains("@") { return copies(word, kernel) }
      if word.contains(":") { return objects(word, kernel) }
      // The only one may be a per-CPU variable, and `@` belongs to it.
      return Set(names).count == 1 ? names + copies(names[0] + "@", kernel) : names
    case .global:
      let all = try? session.ofThisBoot { try session.bpf(of: $0).globals() }
      return matching(word, Set(all?.value.map(\.name) ?? []).filter(\.isIdentifier).sorted())
    case .typeName(let keyword): return typeNames(word, after: keyword)
    case .member(let type): return members(of: type, word)
    case .objectType(let kind):
      return matching(
        word, ((try? kind.typeNames(session.kernel)) ?? [:]).values.sorted() + ["all"])
    case .objectName(let kind):
      // The kernel admits no other characters (bpf_obj_name_cpy), and a damaged guest has any.
      let names = objects(kind).compactMap(\.selectedName).filter(\.isIdentifier)
      return matching(word, names.sorted())
    case .objectID(let kind):
      // Several may stand in one word: 3,7
      let before = word.lastIndex(of: ",").map { word[...$0] } ?? ""
      return matching(word, objects(kind).map { "\(before)\($0.id)" })
    case .cpu:
      guard let source = try? session.source else { return [] }
      return matching(word, source.cpus.map { "\($0)" })
    }
  }

  private func objects(_ kind: ObjectKind) -> [any SelectableObject] {
    (try? session.ofThisBoot { try kind.all(try session.bpf(of: $0)) })?.value ?? []
  }

  /// The copies of a per-CPU variable: `runqueues@0`, `runqueues@1`.
  private func copies(_ word: String, _ kernel: GuestKernel) -> [String] {
    let name = word.prefix { $0 != "@" }
    guard let address = kernel.symbols.address(of: String(name)),
      kernel.perCPUVariables?.contains(address) == true
    else { return [] }
    return matching(word, (0..<kernel.cpuIDs).map { "\(name)@\($0)" })
  }

  /// The numbers of the objects of a kind that begin so: `prog:2`.
  private func objects(_ word: String, _ kernel: GuestKernel) -> [String] {
    guard let kind = ObjectTable.Kind(rawValue: String(word.prefix { $0 != ":" })),
      let table = try? ObjectTable(kind, kernel),
      let ids = try? session.ofThisBoot({ kernel in
        try session.walk(kernel) { walk throws(ReadFault) in try table.ids(in: walk.view) }
      })
    else { return [] }
    return matching(word, ids.value.map { "\(kind):\($0)" })
  }
}

extension [String] {
  /// Each word once, where it is first.
  fileprivate var unique: [String] {
    var seen: Set<String> = []
    return filter { seen.insert($0).inserted }
  }
}

extension String {
  /// Has only characters that the kernel admits in names.
  fileprivate var isIdentifier: Bool {
    !isEmpty && allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_.".contains($0)) }
  }
}
