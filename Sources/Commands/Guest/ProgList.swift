import ArgumentParser
import GuestScopeBytes
import GuestScopeKernelBPF
import GuestScopeLinuxKernel

/// `prog list`: all BPF programs, with the members of `bpftool -j prog show`.
struct ProgList: SelectingCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "All BPF programs, or those of ids, names or types.",
    usage: "guestscope prog list \(SelectionArguments.usage)",
    aliases: ["show"])

  @OptionGroup var selected: SelectionArguments
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static let objects = ObjectKind.program

  func answer(in session: Session) throws -> Answer {
    let selection = try selection
    let programs = try session.programs
    let types = try selection.typeNumbers(in: programs.typeNames)
    let snapshot = try session.list(
      BPFProgramQuery(type: types?.only, id: selection.onlyID, runtime: true, details: true))
    let listed = selection.matching(snapshot.value.programs, types: types)
    try selection.admit(listed, unreadable: snapshot.unreadable)
    let bootTime = snapshot.value.bootTime
    return Answer(
      .array(listed.map { json($0, programs, bootTime) }),
      .table(table(listed, programs)), missing: snapshot.missing(of: "program"),
      remarks: [snapshot.emptyRemark(type: nil), snapshot.countersRemark].compactMap { $0 })
  }

  private func json(_ program: BPFProgram, _ programs: BPFPrograms, _ bootTime: UInt64?) -> JSON {
    let details = program.details
    let jited = details?.jitedSize
    return [
      "id": .unsigned(program.id),
      "type": .string(programs.typeName(program.type)),
      "name": .string(program.name),
      "tag": JSON(details?.tag?.hex),
      "gpl_compatible": JSON(details?.isGPLCompatible),
      "run_time_ns": JSON(program.runtime?.nsecs),
      "run_cnt": JSON(program.runtime?.cnt),
      "recursion_misses": JSON(program.runtime?.misses),
      "verified_insns": JSON(program.verifiedInstructions),
      "loaded_at": JSON(details?.loadedAt(bootTime)),
      "uid": JSON(details?.uid),
      "bytes_xlated": JSON(details?.translatedSize),
      "jited": JSON(jited.map { $0 > 0 }),
      "bytes_jited": JSON(jited),
      "map_ids": details?.mapIDs.map { .array($0.map { .unsigned(UInt64($0)) }) } ?? .null,
      "btf_id": JSON(details?.btfID),
    ]
  }

  private func table(_ listed: [BPFProgram], _ programs: BPFPrograms) -> Table {
    func text(_ number: (some BinaryInteger)?) -> String { number.map { "\($0)" } ?? "-" }
    return Table(
      [
        .number("ID"), .text("TYPE"), .text("NAME"), .text("TAG"), .number("RUN_CNT"),
        .number("RUN_TIME_NS"), .number("NS/CALL"), .number("MISSES"), .number("VERIFIED"),
        .number("XLATED"), .number("JITED"), .text("MAPS"),
      ],
      rows: listed.map { program in
        let (runtime, details) = (program.runtime, program.details)
        let maps = details?.mapIDs?.map { "\($0)" }.joined(separator: ",")
        return [
          text(program.id), programs.typeName(program.type), program.name,
          details?.tag?.hex ?? "-", text(runtime?.cnt), text(runtime?.nsecs),
          runtime.flatMap { $0.cnt > 0 ? fixed($0.nsPerCall, 1) : nil } ?? "-",
          text(runtime?.misses), text(program.verifiedInstructions),
          text(details?.translatedSize), text(details?.jitedSize), maps ?? "-",
        ]
      })
  }
}

extension BPFProgram.Details {
  /// Seconds of CLOCK_REALTIME at which the program was loaded; nil for no plausible time.
  func loadedAt(_ bootTime: UInt64?) -> UInt64? {
    guard let loadTime, let bootTime else { return nil }
    let (time, overflow) = loadTime.addingReportingOverflow(bootTime)
    return overflow || time > BootTime.latest ? nil : time / 1_000_000_000
  }
}
