import ArgumentParser
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel

/// `link`: everything about BPF links.
struct LinkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "link", abstract: "BPF links: list.", subcommands: [LinkList.self],
    defaultSubcommand: LinkList.self)
}

/// `link list`: all BPF links, with the keys of `bpftool -j link show`.
struct LinkList: ListCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "All BPF links, or those of ids or types.",
    usage: "guestscope link list [id <n> | type <type>] ...",
    discussion: """
      What a link attaches to depends on its type. A device, cgroup or map of 0 is one that is \
      gone: the link is detached.
      """,
    aliases: ["show"])

  @OptionGroup var selected: SelectionArguments
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static let objects = ObjectKind.link

  static let fields: [Field<BPFLink>] = [
    Field("id", .number("ID")) { .unsigned($0.id) },
    Field("type", .text("TYPE")) { JSON(named: $0.typeName, $0.type) },
    Field("prog_id", .number("PROG")) { JSON($0.progID) },
    .onScreen(.text("ATTACHED TO")) { link in
      link.details.filter { $0.key != "funcs" }
        .map { "\($0.key)=\($0.value.map { JSON(plain: $0).cell } ?? "-")" }
        .joined(separator: " ")
    },
  ]

  func json(_ link: BPFLink) -> JSON {
    JSON(link, Self.fields).adding(
      link.details.map { .init(key: $0.key, value: $0.value.map { JSON(plain: $0) } ?? .null) })
  }

  func list(_ query: ObjectQuery, of bpf: BPFObjects) throws -> Snapshot<ObjectList<BPFLink>> {
    try bpf.links(query)
  }
}

extension JSON {
  /// A value that is not a pointer, as the details of a link are.
  fileprivate init(plain value: KernelValue) {
    switch value {
    case .unsigned(let number): self = .unsigned(number)
    case .signed(let number): self = .signed(number)
    case .bool(let flag): self = .bool(flag)
    case .text(let text): self = .string(text)
    case .fields(let fields):
      self = .object(fields.map { Member(key: $0.name, value: JSON(plain: $0.value)) })
    case .elements(let elements): self = .array(elements.map { JSON(plain: $0) })
    default: self = .null
    }
  }
}
