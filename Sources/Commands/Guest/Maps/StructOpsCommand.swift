import ArgumentParser
import GuestScopeGuestMemory
import GuestScopeKernelBPF

/// `struct_ops`: everything about maps of struct_ops.
struct StructOpsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "struct_ops", abstract: "Maps of struct_ops: list, dump.",
    subcommands: [StructOpsList.self, StructOpsDump.self], defaultSubcommand: StructOpsList.self)
}

/// `struct_ops list`: all maps of struct_ops, with the keys of `bpftool -j struct_ops show`.
struct StructOpsList: ListCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "All maps of struct_ops, or those selected by id or name.",
    usage: "guestscope struct_ops list \(SelectionArguments.usageWithoutTypes)",
    discussion: """
      Each is an implementation of one of the kernel's tables of functions, such as \
      tcp_congestion_ops or sched_ext_ops. prog list shows which of its members a program is.
      """,
    aliases: ["show"])

  @OptionGroup var selected: SelectionArguments
  @OptionGroup var order: OrderOptions
  @OptionGroup var table: ColumnOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static let objects = ObjectKind.structOps

  static let fields: [Field<StructOpsMap>] = [
    Field("id", .number("ID")) { .unsigned($0.id) },
    Field("name", .name("NAME")) { .string($0.name) },
    Field("kernel_struct_ops", .text("STRUCT")) { JSON($0.structOps) },
  ]

  func list(
    _ query: ObjectQuery, of bpf: BPFObjects
  ) throws -> Snapshot<ObjectList<StructOpsMap>> { try bpf.structOpsMaps(query) }
}

extension ObjectKind {
  static let structOps = ObjectKind(
    noun: "map of struct_ops", plural: "maps of struct_ops", keys: ["id", "name"],
    all: { try $0.structOpsMaps().map(\.objects) })
}

extension StructOpsMap: SelectableObject {
  var selectedName: String? { name }
  var selectedType: UInt32? { nil }
}
