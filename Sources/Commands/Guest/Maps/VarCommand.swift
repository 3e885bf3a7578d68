import ArgumentParser
import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel

/// `var`: global variables of BPF programs.
struct VarCommand: OrderedCommand {
  static let configuration = CommandConfiguration(
    commandName: "var", abstract: "Global variables of BPF programs, by name.",
    discussion: """
      var nr_enqueued
      var stats[2].cnt
      var ctx->lock
      var 'nr_*'
      var dispatch.calls

      All globals of that name, of whichever program, from the maps of .bss, .data, .rodata and \
      .kconfig; without a name a list of all. The name of a static variable of a function begins \
      with that of the function, and a dot. A path follows pointers: beyond one that leads to a \
      structure of the kernel, the kernel's own types count. No more is read than the path names, \
      at most 1 MiB of each.

      In JSON a value is as bpftool has it in "formatted" of a map dump.
      """)

  @Argument(
    help: ArgumentHelp(
      "A global variable (*, ? and [a-z] match several), and a path of members after it.",
      valueName: "name[.path]"))
  var name: String?
  @OptionGroup var order: OrderOptions
  @OptionGroup var table: ColumnOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static func nextWord(after words: [String]) -> [WordKind] { words.isEmpty ? [.global] : [] }

  func validate() throws {
    guard try expression == nil || (order.isEmpty && table.columns == nil) else {
      throw ValidationError("--sort, --limit and --columns are for the list: var without a name")
    }
  }

  private var expression: VarExpression? {
    get throws {
      guard let name else { return nil }
      guard let expression = VarExpression(name) else {
        throw ValidationError(
          "'\(name)' is not a variable with a path of members, as in stats[2].cnt")
      }
      return expression
    }
  }

  func answer(in session: Session) throws -> Answer {
    guard let expression = try expression else { return try list(in: session) }
    let snapshot = try session.ofThisBoot { kernel in
      try session.bpf(of: kernel).globals { expression.path(from: $0.name) }
    }
    let found = snapshot.value
    let values = found.values.compactMap { value in
      (try? value.content.get()).map { (value, $0) }
    }
    try admit(expression, found, snapshot.missing, isEmpty: values.isEmpty)
    let names = session.pointerNames(
      of: values.map { ($0.1.value, $0.1.object.btf) }, in: try session.kernel)
    let text = ValueText(symbol: names.text)
    let isOne = found.values.count == 1
    let lines = values.flatMap { value, content in
      let owner = isOne ? "" : "\(value.variable.mapName) (map \(value.variable.mapID)): "
      return text.lines(content.value, name: owner + value.spelling)
    }
    return Answer(
      .array(values.map { $0.json($1) }), .lines(lines),
      missing: snapshot.missing + found.values.compactMap(\.failure))
  }

  /// Refuses an answer without a value.
  private func admit(
    _ expression: VarExpression, _ found: BPFObjects.Globals, _ missing: [String], isEmpty: Bool
  ) throws {
    guard isEmpty else { return }
    if found.values.count == 1, let failure = found.values[0].failure {
      throw CommandError(failure)
    }
    guard found.values.isEmpty else { return }
    if let misfit = found.misfits.first { throw CommandError("\(misfit)") }
    // One that could not be read may have it.
    guard missing.isEmpty else { return }
    let near = expression.near(found.all.map(\.name))
    throw CommandError(
      "no BPF program in the guest has a global variable \(expression.text)"
        + (near.isEmpty
          ? "; the BTF of no program names any"
          : "; there are, for example: \(near.joined(separator: ", "))"))
  }

  // MARK: The list

  static var keys: [String] { fields.names() }

  private static let fields: [Field<GlobalVariable>] = [
    Field("map_id", .number("MAP")) { .unsigned($0.mapID) },
    Field("map", .name("NAME")) { .string($0.mapName) },
    Field("name", .name("VARIABLE")) { .string($0.name) },
    Field("type", .type("TYPE")) { variable in
      JSON((try? variable.btf.resolvingVariable(variable.type)).flatMap { $0 })
    },
    Field("size", .number("SIZE")) { JSON($0.size) },
  ]

  private func list(in session: Session) throws -> Answer {
    let form = try ListForm(order, Self.fields, columns: table.columns)
    let snapshot = try session.ofThisBoot { try session.bpf(of: $0).globals() }
    let isEmpty = snapshot.value.isEmpty && snapshot.unreadable.isEmpty
    return form.answer(
      snapshot.value, missing: snapshot.missing,
      remarks: isEmpty ? ["no BPF program in the guest has a global variable"] : [])
  }
}

extension BTF {
  /// A variable's type as C writes it.
  fileprivate func resolvingVariable(_ id: TypeID) throws(BTFError) -> String? {
    guard case .var(let type) = try type(id) else { return nil }
    return try declaration(of: type)
  }
}

extension GlobalValue {
  /// As the user may write it: `stats[2].cnt`.
  fileprivate var spelling: String {
    variable.name + path.steps.map(\.description).joined()
  }

  /// Why it has no value; nil where it has one.
  fileprivate var failure: String? {
    guard case .failure(let cause) = content else { return nil }
    return "\(spelling) of map \(variable.mapID): \(cause)"
  }

  func json(_ content: Content) -> JSON {
    let object = content.object
    // A variable, as a section has it, is an object with its name.
    let type = (try? object.btf.resolve(object.type)) ?? object.type
    return [
      "map_id": .unsigned(variable.mapID), "map": .string(variable.mapName),
      "name": .string(spelling),
      "value": BTFValueJSON(object.btf).json(type, in: content.bytes, bits: object.bits),
    ]
  }
}
