import Testing

@testable import Commands
@testable import GuestScopeKernelLog

/// What the log says of a guest's end, at the top of a report.
@Suite struct TroubleSectionTests {
  @Test func ofWhatWasLoggedAgainTheFirstIsShown() {
    let hung = Trouble(
      kind: .hungTask, text: "INFO: task a:94 blocked for more than 3 seconds.",
      time: 10_652_016_000, count: 2)
    let warning = Trouble(kind: .warning, text: "WARNING: CPU: 1 PID: 7", time: 11_000_000_000)
    let lines = TroubleSection(troubles: [hung, warning]).lines
    #expect(
      lines.map(\.text) == [
        "INFO: task a:94 blocked for more than 3 seconds. (10.652016 s, the first of 2)",
        "CPU: 1 PID: 7 (11.000000 s)",
      ])
    #expect(lines.map(\.heading) == ["hung task", "warning"])
  }
}
