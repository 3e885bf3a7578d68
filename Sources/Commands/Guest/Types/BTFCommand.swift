import ArgumentParser
import GuestScopeGuestMemory
import GuestScopeKernelBPF

/// `btf`: everything about BTF objects.
struct BTFCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "btf", abstract: "BTF objects: list, dump.",
    subcommands: [BTFList.self, BTFDump.self],
    defaultSubcommand: BTFList.self)
}

/// `btf list`: all BTF objects, with the keys of `bpftool -j btf show`.
struct BTFList: ListCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "All BTF objects, or those selected by id or name.",
    usage: "guestscope btf list \(SelectionArguments.usageWithoutTypes)",
    discussion: """
      The types of the kernel, of its modules, and of programs and maps that brought their own. \
      Those of the kernel have an id only after somebody has used them.
      """,
    aliases: ["show"])

  @OptionGroup var selected: SelectionArguments
  @OptionGroup var order: OrderOptions
  @OptionGroup var table: ColumnOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static let objects = ObjectKind.btf

  static let fields: [Field<BTFObject>] = [
    Field("id", .number("ID")) { .unsigned($0.id) },
    Field("size", .number("SIZE")) { JSON($0.size) },
    Field("prog_ids", .text("PROGS").minor) { .array($0.programIDs.map { JSON($0) }) },
    Field("map_ids", .text("MAPS").minor) { .array($0.mapIDs.map { JSON($0) }) },
    Field("kernel", .text("KERNEL").minor) { JSON($0.isKernels) },
    Field("name", .name("NAME")) { JSON($0.name) },
  ]

  func list(_ query: ObjectQuery, of bpf: BPFObjects) throws -> Snapshot<ObjectList<BTFObject>> {
    try bpf.btfs(query)
  }
}

extension ObjectKind {
  static let btf = ObjectKind(
    noun: "BTF object", plural: "BTF objects", keys: ["id", "name"],
    all: { try $0.btfs().map(\.objects) })
}

extension BTFObject: SelectableObject {
  var selectedName: String? { name }
  var selectedType: UInt32? { nil }
}
