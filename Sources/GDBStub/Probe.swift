import GuestScopeGuestMemory
import GuestScopeRemoteProtocol

/// What the first stop of a session finds out.
struct Probe {
  var runState: RunState
  /// What the next client expects to find: the mode is global to QEMU and outlasts us.
  var physicalMemoryMode: Bool
  /// To what else was asked.
  var replies: [Reply]

  /// - Parameter questions: what else to ask in the same write.
  init(_ link: StubLink, asking questions: [Request]) throws(GuestMemError) {
    try link.checkInterrupted()
    let options = link.options
    let arrival = try link.arrive(options.leaveStopped ? .firstToLeaveStopped : .first, [])
    let outcome = try link.settling(arrival.connection, of: []) { () throws(GuestMemError) in
      try arrival.finish([.physicalMemoryMode] + questions)
    }
    guard case .physicalMemoryMode(let mode) = outcome.replies[0] else {
      throw link.notQEMU("it has no physical memory mode")
    }
    physicalMemoryMode = mode
    replies = Array(outcome.replies.dropFirst())
    if case .stopped(let reason) = arrival.verdict, !outcome.hasStopped {
      runState = .stopped(reason: reason)
      if let reason {
        options.report("the guest is stopped (\(reason)), and is left stopped")
      } else if arrival.isUnsure, !options.leaveStopped {
        options.notice(
          "the guest was stopped after the last debugger left, and is left stopped. If it has been resumed "
            + "since, which QEMU 8.1 and later does not report, \(StubLink.wayToResume)")
      } else if !options.leaveStopped {
        options.notice("the guest is stopped, and is left stopped: \(StubLink.wayToResume)")
      }
      return
    }
    runState = .running
    link.count(pause: outcome.last - arrival.connection.first)
    if arrival.verdict == .takenAsRunning {
      options.notice(
        "QEMU 8.1 and later does not report to its first client whether the guest ran: it was taken "
          + "as running, and runs (--leave-stopped leaves a guest stopped)")
    }
  }
}
