import GuestMemory
import RemoteProtocol

enum Glance {
  /// Bytes of requests in one write: QEMU reads 4096 at a time (CHR_READ_BUF_LEN), and what it
  /// has not read when a client dies is lost, `c` included.
  static let requestBytes = 4000
  /// The share of the longest pause that a glance may be predicted to take, so that the tail of
  /// a busy host stays below it.
  static let nominalShare = 0.7
}

extension QEMUStub {
  /// Sends requests in one stop of the guest, on the held connection if there is one.
  func exchange(_ requests: [Request], nap: Duration = .zero) throws(GuestMemError) -> [Reply] {
    try link.checkInterrupted()
    if let held {
      do throws(GuestMemError) {
        let start = try held.connection.write(requests)
        return try held.connection.replies(to: requests, since: start).replies
      } catch {
        // Later replies would be taken for others; as it closes, the connection pays its debt.
        self.held = nil
        link.options.notice("the hold has ended")
        throw error
      }
    }
    let glance = [.empty] + requests
    switch runState {
    case .running:
      guard glance.reduce(0, { $0 + $1.encodedCount }) <= Glance.requestBytes else {
        throw GuestMemError(.tooLarge, "more requests than one stop of the guest may hold")
      }
      let outcome = try link.glance(glance + [.resume], nap: nap)
      if !outcome.saidItStopped { try stopAgain() }
      return Array(outcome.replies.dropFirst().dropLast())
    case .stopped(let reason):
      return try look(glance, atGuestStoppedBy: reason)
    }
  }

  /// A guest that ran before our last stop ends each connection with a stop reply when it runs
  /// before this one. It did not: somebody had stopped it, and our `c` let it go on.
  private func stopAgain() throws(GuestMemError) {
    let requests: [Request] = [.empty, .monitor(.status), .tellNextStop]
    let (connection, start) = try link.connect(requests, owes: false)
    let outcome = try connection.replies(to: requests, since: start)
    var reason: String?
    if case .monitorOutput(let text) = outcome.replies[1],
      case .paused(let why)? = RunStatus(monitorText: text)
    {
      reason = why
    }
    runState = .stopped(reason: reason)
    link.options.notice(
      "somebody stopped the guest between two of our stops; it is stopped again, and stays so. If "
        + "it was let go already, which QEMU from 8.1 on does not tell: `cont` in its monitor")
  }

  /// One connection to a guest that somebody else has stopped: without `c`, unless it turns out
  /// that it was let go in between.
  private func look(
    _ glance: [Request], atGuestStoppedBy reason: String?
  ) throws(GuestMemError) -> [Reply] {
    // All in one write: a byte that came after somebody's `cont` would stop the guest.
    let requests = glance + [.monitor(.status), .tellNextStop]
    let (connection, start) = try link.connect(requests, owes: false)
    let outcome = try connection.replies(to: requests, since: start)
    var status: RunStatus?
    if case .monitorOutput(let text)? = outcome.replies.dropLast().last {
      status = RunStatus(monitorText: text)
    }
    // Without a stop reply a changed reason tells: `prelaunch` becomes plain `paused` only by
    // running in between.
    if outcome.saidItStopped || (reason != nil && status == .paused(reason: nil)) {
      let resumed = try connection.replies(to: [.resume], since: try connection.write([.resume]))
      link.countHold(resumed.last - outcome.first)
      runState = .running
      link.options.notice("somebody let the guest go on; it runs")
    }
    return Array(outcome.replies.dropFirst().dropLast(2))
  }

  // MARK: Hold

  /// Stops the guest until `release()`. A kill -9 meanwhile leaves it stopped.
  public func hold() throws(GuestMemError) {
    guard held == nil, runState == .running else { return }
    let requests: [Request] = [.empty]
    let (connection, start) = try link.connect(requests)
    let outcome = try connection.replies(to: requests, since: start)
    link.count(outcome, isStop: false)
    guard outcome.saidItStopped else {
      try connection.leaveStopped()
      runState = .stopped(reason: nil)
      link.options.notice("somebody stopped the guest meanwhile; it stays stopped")
      return
    }
    held = (connection, outcome.first)
  }

  /// True between `hold()` and `release()`.
  public var isHeld: Bool { held != nil }

  public func release() throws(GuestMemError) {
    guard let (connection, since) = held else { return }
    held = nil
    let outcome = try connection.replies(to: [.resume], since: try connection.write([.resume]))
    link.countHold(outcome.last - since)
  }
}
