import ArgumentParser
import GuestScopeGuestMemory
import GuestScopeKernelBPF

/// `link`: everything about BPF links.
struct LinkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "link", abstract: "BPF links: list.", subcommands: [LinkList.self],
    defaultSubcommand: LinkList.self)
}

/// `link list`: all BPF links, with the keys of `bpftool -j link show`.
struct LinkList: ListCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "All BPF links, or those selected by id or type.",
    usage: "guestscope link list [id <n> | type <type>] ...",
    discussion: """
      What a link attaches to depends on its type. A device, cgroup or map of 0 is one that is \
      gone: the link is detached.
      """,
    aliases: ["show"])

  @OptionGroup var selected: SelectionArguments
  @OptionGroup var order: OrderOptions
  @OptionGroup var table: ColumnOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static let objects = ObjectKind.link

  /// None of the details is a pointer, which would have a symbol.
  private static var values: ValueText { ValueText { _ in nil } }

  static let fields: [Field<BPFLink>] = [
    Field("id", .number("ID")) { .unsigned($0.id) },
    Field("type", .type("TYPE")) { JSON(named: $0.typeName, $0.type) },
    Field("prog_id", .number("PROG")) { JSON($0.progID) },
    .onScreen(.text("ATTACHED TO")) { link in
      link.details.filter { $0.key != "funcs" }
        .map { "\($0.key)=\($0.value.map { values.json($0).cell } ?? "-")" }
        .joined(separator: " ")
    },
  ]

  func json(_ link: BPFLink) -> JSON {
    JSON(link, Self.fields).adding(
      link.details.map { .init(key: $0.key, value: $0.value.map { Self.values.json($0) } ?? .null) }
    )
  }

  func list(_ query: ObjectQuery, of bpf: BPFObjects) throws -> Snapshot<ObjectList<BPFLink>> {
    try bpf.links(query)
  }
}

extension ObjectKind {
  static let link = ObjectKind(
    noun: "link", plural: "BPF links", keys: ["id", "type"], typeNames: { $0.linkTypes.names },
    all: { try $0.links().map(\.objects) })
}

extension BPFLink: SelectableObject {
  var selectedName: String? { nil }
  var selectedType: UInt32? { type }
}
