import ArgumentParser
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `report`: what one wants to know of a guest that failed, in one answer.
struct Report: RunStateCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "The failure report: kernel, CPUs, what went wrong, struct_ops programs, log.",
    discussion: """
      What the kernel has logged of a panic, an oops, a lockup, a stall, a hung task, running out of memory \
      or a scheduler that was thrown out stands at the top: the first of each, from the newest \
      \(ReportReading.newestRecords) records of its log. Which CPUs do not come back to their \
      scheduler, and which tasks wait for long, it finds by itself: the kernel says that late, or, \
      where interrupts are off, never.

      --dir writes a folder for whoever was not there: the report, and what dmesg, task list, module \
      list, prog list, map dump and others say, each as text and as JSON, with an index.json that \
      lists them. The folder is there as a whole or not at all. Of a guest that stands still all of \
      it is of one instant; with --hold that of a running one is, too.
      """)

  @Option(
    help: ArgumentHelp("Write everything into a new folder.", valueName: "folder"),
    completion: .directory)
  var dir: String?
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  func answer(in session: Session) throws -> Answer {
    guard let dir else { return try report(in: session) }
    let folder = try ReportFolder(session.console.guest?.folder(in: dir) ?? dir)
    return try session.interrupts.withCancelling {
      try folder.write(try report(in: session), session)
    }
  }

  private func report(in session: Session) throws -> Answer {
    let contents: ReportContents
    do { contents = try ReportContents.read(in: session) } catch let error as any GuestFailure
      where !error.isOfConnection
    {
      return try withoutReading(session, error)
    }
    return Answer(
      contents.document, .lines(contents.lines), missing: contents.missing,
      remarks: contents.programs.remarks)
  }

  /// Without anything read of the kernel, it is still known which one it is. Without a kernel there is
  /// nothing to report.
  private func withoutReading(_ session: Session, _ error: any GuestFailure) throws -> Answer {
    let state = try session.kernelState()
    let head = HeadSection(state, runState: session.runState, cpus: try session.source.cpus.count)
    return Answer(
      .object(
        [
          .init(key: "schema", value: "single"), .init(key: "maps", value: []),
          .init(key: "maps_unavailable", value: .string("\(error)")),
          .init(key: "prog_runtime_stats", value: []),
          .init(key: "prog_runtime_stats_unavailable", value: .string("\(error)")),
        ] + head.json + [
          .init(key: "stops", value: JSON(0)),
          .init(
            key: "unreadable", value: [["object": "kernel", "reason": .string("\(error)")]]),
        ]),
      .lines(head.lines),
      missing: ["only the run state could be read: \(error)"] + state.crashed(session))
  }
}
