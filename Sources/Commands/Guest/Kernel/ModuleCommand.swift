import ArgumentParser
import GuestScopeGuestMemory
import GuestScopeKernelLog
import GuestScopeLinuxKernel

/// `module`: everything about modules.
struct ModuleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "module", abstract: "Modules of the kernel: list.",
    subcommands: [ModuleList.self], defaultSubcommand: ModuleList.self)
}

/// `module list`: what lsmod(8) and /proc/modules show.
struct ModuleList: OrderedCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "All modules of the kernel.",
    discussion: """
      As in /proc/modules, the newest first. TAINT has the letters by which a module taints the \
      kernel: P proprietary, O built out of the kernel's tree, E unsigned, and so on.
      """,
    aliases: ["show"])

  @OptionGroup var order: OrderOptions
  @OptionGroup var table: ColumnOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static let fields: [Field<KernelModule>] = [
    Field("name", .name("NAME")) { .string($0.name) },
    Field("size", .number("SIZE")) { .unsigned($0.size) },
    Field("refcnt", .number("USED")) { JSON($0.references) },
    Field("users", .text("BY")) { .array($0.users.map { .string($0) }) },
    Field("state", .text("STATE").minor) { .string($0.state.rawValue) },
    Field("address", .text("ADDRESS").minor) { .string($0.address.rawValue.hex) },
    Field("taints", .text("TAINT").minor) { .string(Taint(rawValue: $0.taints).letters) },
  ]

  static var keys: [String] { fields.names() }

  func answer(in session: Session) throws -> Answer {
    let form = try ListForm(order, Self.fields, columns: table.columns)
    let snapshot = try session.ofThisBoot { kernel in
      try session.walk(kernel) { walk throws(ReadFault) in try walk.modules() }
    }
    let modules = snapshot.value
    return form.answer(
      modules, missing: snapshot.missing,
      remarks: modules.isEmpty && snapshot.unreadable.isEmpty ? ["the guest has no modules"] : [])
  }
}
