import GuestScopeGuestMemory
import GuestScopeRemoteProtocol

/// Every connection of ours but the first finds a guest that we left running or stopped, and asks
/// before it acts: somebody, or something, may have stopped it since or let it go on.
extension QEMUStub {
  /// Connects, and notes whether the guest runs when we are not there.
  ///
  /// - Throws: `lost` when another QEMU answers now. Its guest is left as the rules have it, and
  ///   treated as at a first contact, which is what comes next.
  func arrive() throws(GuestMemError) -> Arrival {
    let arrival = try link.arrive(runState == .running ? .afterRunning : .afterStopped, threads)
    guard !arrival.isOf(others: threads) else {
      _ = try arrival.finish([])
      throw GuestMemError(
        .lost, "another QEMU than before answers at \(target): try again, to look at its guest")
    }
    note(arrival.verdict)
    return arrival
  }

  /// Counts a stop, and what was found out by its end.
  func noteEnd(of arrival: Arrival, _ outcome: Outcome) {
    guard case .stopped = arrival.verdict else {
      return link.count(pause: outcome.last - arrival.connection.first)
    }
    if outcome.hasStopped { note(.ran) }
  }

  private func note(_ verdict: Verdict) {
    let old = runState
    switch verdict {
    case .ran:
      runState = .running
      if old != .running { link.options.notice("somebody let the guest go on; it runs") }
    case .takenAsRunning:
      runState = .running
      link.options.notice(
        "another client of QEMU's gdbserver came and went, and QEMU does not report whether the "
          + "guest ran since; it was taken as running, and runs")
    case .stopped(let reason):
      runState = .stopped(reason: reason)
      guard old != runState else { return }
      if let reason {
        return link.options.report("the guest has stopped since (\(reason)), and is left stopped")
      }
      link.options.notice(
        "the guest was stopped between two of our stops, and is left stopped. If it has been resumed "
          + "since, which QEMU 8.1 and later does not report, \(StubLink.wayToResume)")
    }
  }
}
