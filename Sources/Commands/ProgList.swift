import ArgumentParser
import GuestScopeBytes
import GuestScopeKernelBPF
import GuestScopeLinuxKernel

/// `prog list`: all BPF programs, with the members of `bpftool -j prog show`.
struct ProgList: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "All BPF programs, or those of an id, name or type.",
    usage: "guestscope prog list [id <n>] [name <glob>] [type <type>]",
    aliases: ["show"])

  @Argument(
    help: ArgumentHelp(
      "id N, name GLOB (*, ? and [a-z]), type T (as bpftool names them).", valueName: "selection"))
  var words: [String] = []
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static func nextWord(after words: [String]) -> [WordKind] {
    ObjectSelection.nextWord(after: words, of: .program, keys: ["id", "name", "type"])
  }

  func validate() throws { _ = try selection }

  private var selection: ObjectSelection {
    get throws { try ObjectSelection(words, of: "program", keys: ["id", "name", "type"]) }
  }

  func answer(in session: Session) throws -> Answer {
    let selection = try selection
    let types = try session.kernel.programTypes
    let type = try selection.typeNumber(in: types.names, default: "all")
    let objects = ObjectQuery(ids: selection.id.map { [$0] }, types: type.map { [$0] })
    let query = BPFProgramQuery(objects, runtime: true, details: true)
    let snapshot = try session.ofThisBoot { _ in try session.bpf.programs(query) }
    let listed = selection.matching(snapshot.value.programs, name: \.name)
    try selection.admit(listed, unreadable: snapshot.unreadable)
    return Answer(
      .array(listed.map(json)), .table(table(listed)), missing: snapshot.missing(of: "program"),
      remarks: [snapshot.emptyRemark(type: nil), snapshot.countersRemark].compactMap { $0 })
  }

  private func json(_ program: BPFProgram) -> JSON {
    let details = program.details
    let jited = details?.jitedBytes
    return [
      "id": .unsigned(program.id),
      "type": program.typeName.map { .string($0) } ?? JSON(program.type),
      "name": .string(program.name),
      "tag": JSON(details?.tag?.hex),
      "gpl_compatible": JSON(details?.isGPLCompatible),
      "run_time_ns": JSON(program.runtime?.nsecs),
      "run_cnt": JSON(program.runtime?.cnt),
      "recursion_misses": JSON(program.runtime?.misses),
      "verified_insns": JSON(program.verifiedInsns),
      "loaded_at": JSON(details?.loadedAt),
      "uid": JSON(details?.uid),
      "bytes_xlated": JSON(details?.xlatedBytes),
      "jited": JSON(jited.map { $0 > 0 }),
      "bytes_jited": JSON(jited),
      "map_ids": details?.mapIDs.map { .array($0.map { .unsigned(UInt64($0)) }) } ?? .null,
      "btf_id": JSON(details?.btfID),
      "bytes_memlock": JSON(details?.memlockBytes),
      "orphaned": JSON(details?.isOrphaned),
      "struct_ops": JSON(details?.attachment?.structOps),
      "member": JSON(details?.attachment?.member),
      "attach": JSON(details?.attachment?.target),
    ]
  }

  private func table(_ listed: [BPFProgram]) -> Table {
    func text(_ number: (some BinaryInteger)?) -> String { number.map { "\($0)" } ?? "-" }
    return Table(
      [
        .number("ID"), .text("TYPE"), .text("NAME"), .text("TAG"), .number("RUN_CNT"),
        .number("RUN_TIME_NS"), .number("NS/CALL"), .number("MISSES"), .number("VERIFIED"),
        .number("XLATED"), .number("JITED"), .text("MAPS"), .text("FOR"),
      ],
      rows: listed.map { program in
        let (runtime, details) = (program.runtime, program.details)
        let maps = details?.mapIDs?.map { "\($0)" }.joined(separator: ",")
        return [
          text(program.id), program.typeName ?? "type \(program.type)", program.name,
          details?.tag?.hex ?? "-", text(runtime?.cnt), text(runtime?.nsecs),
          runtime.flatMap { $0.cnt > 0 ? fixed($0.nsPerCall, 1) : nil } ?? "-",
          text(runtime?.misses), text(program.verifiedInsns),
          text(details?.xlatedBytes), text(details?.jitedBytes), maps ?? "-",
          details?.attachment?.text ?? "-",
        ]
      })
  }
}

extension ProgramAttachment {
  fileprivate var structOps: String? {
    if case .structOps(let type, _) = self { type } else { nil }
  }

  fileprivate var member: String? {
    if case .structOps(_, let member) = self { member } else { nil }
  }

  /// A function, or `NAME:FUNCTION` of a program.
  fileprivate var target: String? {
    switch self {
    case .structOps: nil
    case .kernel(let function): function
    case .program(let name, let function): name.map { "\($0):\(function)" } ?? function
    }
  }

  fileprivate var text: String {
    switch self {
    case .structOps(let type, let member): type + (member.map { "." + $0 } ?? "")
    case .kernel, .program: target ?? ""
    }
  }
}
