import ArgumentParser
import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelBPF

/// `prog list`: all BPF programs, with the members of `bpftool -j prog show`.
struct ProgList: ListCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "All BPF programs, or those selected by id, name or type.",
    usage: "guestscope prog list \(SelectionArguments.usage)",
    discussion: """
      FOR is what a program was loaded for: a member of a struct_ops type, a function of the \
      kernel, or PROGRAM:FUNCTION.
      """,
    aliases: ["show"])

  @OptionGroup var selected: SelectionArguments
  @OptionGroup var order: OrderOptions
  @OptionGroup var table: ColumnOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static let objects = ObjectKind.program

  static let fields: [Field<BPFProgram>] = [
    Field("id", .number("ID")) { .unsigned($0.id) },
    Field("type", .type("TYPE")) { JSON(named: $0.typeName, $0.type) },
    Field("name", .name("NAME")) { .string($0.name) },
    Field("tag", .text("TAG").minor) { JSON($0.details?.tag?.hex) },
    Field("gpl_compatible") { JSON($0.details?.isGPLCompatible) },
    Field("run_time_ns", .number("RUN_TIME").minor) { JSON($0.runtime?.nsecs) }
      .shown { timeText($0) },
    Field("run_cnt", .number("RUN_CNT")) { JSON($0.runtime?.cnt) },
    .onScreen(.number("NS/CALL")) {
      $0.runtime.flatMap { $0.cnt > 0 ? fixed($0.nsPerCall, 1) : nil }
    },
    Field("recursion_misses", .number("MISSES").minor) { JSON($0.runtime?.misses) },
    Field("verified_insns", .number("VERIFIED").minor) { JSON($0.verifiedInsns) },
    Field("loaded_at") { JSON($0.details?.loadedAt) },
    Field("uid") { JSON($0.details?.uid) },
    Field("orphaned") { JSON($0.details?.isOrphaned) },
    Field("bytes_xlated", .number("XLATED").minor) { JSON($0.details?.xlatedBytes) },
    Field("jited") { JSON($0.details?.jitedBytes.map { $0 > 0 }) },
    Field("bytes_jited", .number("JITED").minor) { JSON($0.details?.jitedBytes) },
    Field("bytes_memlock") { JSON($0.details?.memlockBytes) },
    Field("map_ids", .text("MAPS").minor) { program in
      program.details?.mapIDs.map { .array($0.map { JSON($0) }) } ?? .null
    },
    Field("btf_id") { JSON($0.details?.btfID) },
    Field("struct_ops") { JSON($0.details?.attachment?.structOps) },
    Field("member") { JSON($0.details?.attachment?.member) },
    Field("attach") { JSON($0.details?.attachment?.target) },
    .onScreen(.text("FOR")) { program in
      guard let attachment = program.details?.attachment else { return nil }
      return attachment.target
        ?? [attachment.structOps, attachment.member].compactMap { $0 }.joined(separator: ".")
    },
  ]

  func list(_ query: ObjectQuery, of bpf: BPFObjects) throws -> Snapshot<BPFObjects.Programs> {
    try bpf.programs(BPFProgramQuery(query, runtime: true, details: true))
  }

  func remark(on listing: BPFObjects.Programs) -> String? { listing.countersRemark }
}

extension ObjectKind {
  static let program = ObjectKind(
    noun: "program", plural: "BPF programs", keys: ["id", "name", "type"],
    typeNames: { $0.programTypes.names },
    all: { try $0.programs(BPFProgramQuery()).map(\.objects) })
}

extension BPFProgram: SelectableObject {
  var selectedName: String? { name }
  var selectedType: UInt32? { type }
}
