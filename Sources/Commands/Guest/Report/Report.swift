import ArgumentParser
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeKernelLog
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
    let snapshot: Snapshot<ReportReading>
    do { snapshot = try session.readReport() } catch let error as any GuestFailure
      where !error.isOfConnection
    {
      return try withoutReading(session, error)
    }
    let reading = snapshot.value
    let state = try session.state(panicCPU: reading.panicCPU, snapshot.registers)
    let programs = ProgramsSection(try? reading.programs.get(), snapshot)
    let trouble = TroubleSection(
      troubles: (try? reading.log.get())??.troubles ?? [], taint: reading.taint)
    let tasks = try TaskSection(Result { try session.readTasks() }) {
      try session.readStacks(of: $0)
    }
    if let error = tasks.failure as? any GuestFailure, error.isOfConnection { throw error }
    let scheduler = try session.schedulerSection()
    let log = LogSection((try? reading.log.get()) ?? nil, from: trouble.troubles.first)
    let head = HeadSection(state, runState: session.runState, cpus: try session.source.cpus.count)
    let stops = snapshot.stops + tasks.stops + scheduler.stops
    let failed =
      reading.unreadable + tasks.failures
      + (scheduler.failure.map { [("scheduler", "\($0)")] } ?? [])
    let unreadable =
      failed
      + (snapshot.unreadable + tasks.unreadable + scheduler.unreadable).map {
        (part: "\($0.key)", reason: "\($0.cause)")
      }
    return Answer(
      .object(
        [.init(key: "schema", value: "single")] + programs.json + head.json + trouble.json
          + tasks.json + scheduler.json + [
            .init(key: "stops", value: JSON(stops)),
            .init(
              key: "unreadable",
              value: .array(
                unreadable.map { ["object": .string($0.part), "reason": .string($0.reason)] })),
          ] + log.json),
      .lines(
        head.lines + trouble.lines.map { "\($0.heading): \($0.text)" } + scheduler.lines
          + tasks.lines + [
            "answer: from \(stops) stop\(stops == 1 ? "" : "s")"
              + (unreadable.isEmpty ? "" : ", \(unreadable.count) unreadable")
          ] + programs.lines + scheduler.variables + log.lines),
      missing: snapshot.missing + tasks.missing + scheduler.missing
        + failed.map { "the \($0.0): \($0.1)" } + crashed(state, session),
      remarks: programs.remarks)
  }

  /// Without anything read of the kernel, it is still known which one it is. Without a kernel there is
  /// nothing to report.
  private func withoutReading(_ session: Session, _ error: any GuestFailure) throws -> Answer {
    let state = try session.kernelState()
    let head = HeadSection(state, runState: session.runState, cpus: try session.source.cpus.count)
    return Answer(
      .object(
        [.init(key: "schema", value: "single")] + head.json + [
          .init(key: "stops", value: JSON(0)),
          .init(
            key: "unreadable", value: [["object": "kernel", "reason": .string("\(error)")]]),
        ]),
      .lines(head.lines), missing: ["all but that: \(error)"] + crashed(state, session))
  }

  private func crashed(_ state: KernelState, _ session: Session) -> [String] {
    guard state.kernel.isCrashKernel, session.options.vcpu == nil else { return [] }
    let way = state.wayToTheCrashed(hasFile: session.options.kernel != nil)
    return ["the programs of the kernel that crashed: \(way)"]
  }
}
