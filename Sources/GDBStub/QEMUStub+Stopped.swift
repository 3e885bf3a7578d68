import GuestMemory
import RemoteProtocol

/// Guests that did not run when we came. Each of our connections but the first finds a QEMU that
/// was told to say unasked that its guest ran; one that says nothing has a guest that somebody
/// stopped, or it is another QEMU, which nobody told.
extension QEMUStub {
  /// What is asked where nothing was said.
  private static let inquiry: [Request] = [
    .monitor(.status), .monitor(.cpus), .monitor(.version), .tellNextStop,
  ]

  private static let wayOut =
    "If it was let go already, which QEMU from 8.1 on does not tell: `cont` in its monitor"

  /// A connection on which nothing let the guest go on yet.
  func foundStopped(_ connection: Connection) throws(GuestMemError) {
    connection.forgive()
    let reason = try noteStop(try connection.ask(Self.inquiry).replies[...], connection)
    link.options.notice(
      reason.map { "the guest has stopped since (\($0)), and stays so" }
        ?? "somebody stopped the guest meanwhile; it stays stopped. \(Self.wayOut)")
  }

  /// The `c` of a glance has let a guest go on that was stopped.
  func stopAgain() throws(GuestMemError) {
    let requests = [.empty] + Self.inquiry
    let (connection, outcome): (Connection, Outcome)
    do throws(GuestMemError) {
      let (opened, start) = try link.connect(requests, .never)
      (connection, outcome) = (opened, try opened.replies(to: requests, since: start))
    } catch {
      link.options.notice(
        "somebody had stopped the guest; we let it go on and cannot stop it again")
      throw error
    }
    _ = try noteStop(outcome.replies.dropFirst(), connection)
    link.options.notice(
      "somebody stopped the guest between two of our stops; it is stopped again, and stays so. "
        + Self.wayOut)
  }

  /// One connection to a guest that somebody else has stopped: without `c`, unless it turns out
  /// that it was let go in between.
  func look(_ glance: [Request]) throws(GuestMemError) -> [Reply] {
    // All in one write: a byte that came after somebody's `cont` would stop the guest.
    let requests = glance + Self.inquiry
    let (connection, start) = try link.connect(requests, .ifItRan)
    let outcome = try connection.replies(to: requests, since: start)
    if outcome.saidItStopped {
      let resumed = try connection.ask([.resume])
      link.countHold(resumed.last - outcome.first)
      runState = .running
      link.options.notice("somebody let the guest go on; it runs")
    } else {
      _ = try noteStop(outcome.replies.suffix(Self.inquiry.count), connection)
    }
    return Array(outcome.replies.dropFirst().dropLast(Self.inquiry.count))
  }

  /// Takes the answers to the inquiry; returns why the guest is stopped, nil for no reason.
  ///
  /// - Throws: `lost` when another QEMU answers now. Its guest is treated as at a first contact,
  ///   which is what comes next.
  private func noteStop(
    _ replies: ArraySlice<Reply>, _ connection: Connection
  ) throws(GuestMemError) -> String? {
    let replies = Array(replies)
    var status: RunStatus?
    if case .monitorOutput(let text) = replies[0] { status = RunStatus(monitorText: text) }
    // In a first contact they are not known yet.
    if threads.isEmpty || replies[1].isOf(threads) {
      var reason: String?
      if case .paused(let word)? = status { reason = word }
      runState = .stopped(reason: reason)
      return reason
    }
    if let status, case .monitorOutput(let text) = replies[2],
      let version = QEMUVersion(monitorText: text),
      (RunState(saidItStopped: false, status: status, leaveStopped: false)
        ?? RunState(silentVersion: version)) == .running
    {
      _ = try connection.ask([.resume])
    }
    throw GuestMemError(
      .lost, "another QEMU than before answers at \(target): try again, to look at its guest")
  }
}
