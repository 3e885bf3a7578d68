import ArgumentParser
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `report`: what one wants to know of a guest that failed, in one answer.
struct Report: RunStateCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "The failure report: kernel, CPUs, what went wrong, struct_ops programs, log.",
    discussion: """
      What the kernel has said of a panic, an oops, a lockup, a stall, a hung task, a lack of memory \
      or a scheduler that was thrown out stands at the top: the first of each, from the newest \
      \(ReportReading.newestRecords) records of its log.
      """)

  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  func answer(in session: Session) throws -> Answer {
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
        ] + head.json + [
          .init(key: "stops", value: JSON(0)),
          .init(
            key: "unreadable", value: [["object": "kernel", "reason": .string("\(error)")]]),
        ]),
      .lines(head.lines), missing: ["all but that: \(error)"] + state.crashed(session))
  }
}
