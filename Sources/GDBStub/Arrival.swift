import GuestScopeGuestMemory
import GuestScopeRemoteProtocol

/// A connection on which it is known whether the guest ran until it was made.
struct Arrival {
  let connection: Connection
  let verdict: Verdict
  /// The threads of its vCPUs, where that was asked.
  let threads: Set<Int>?
  /// This QEMU does not report whether a guest that was stopped has been let go on since.
  let isUnsure: Bool

  /// What is asked where the greeting does not settle it. The first has QEMU report the stop that
  /// our next byte causes, should somebody let the guest go on meanwhile.
  private static let inquiry: [Request] = [
    .markStopped, .monitor(.status), .monitor(.cpus), .monitor(.version),
  ]

  /// - Parameter connection: open, its greeting sent.
  init(
    _ connection: Connection, _ contact: Contact, _ link: StubLink
  ) throws(GuestMemError) {
    self.connection = connection
    try connection.greet()
    if connection.before.stops >= 2 {
      (verdict, threads, isUnsure) = (.ran, nil, false)
      return
    }
    if contact.isFirst { try Self.checkIsQEMU(connection, link) }
    let outcome = try connection.ask(Self.inquiry)
    threads = outcome.replies[2].monitorOutput.map {
      Set(HostThread.list(monitorText: $0).map(\.id))
    }
    guard let status = outcome.replies[1].monitorOutput.flatMap(RunStatus.init(monitorText:)) else {
      throw link.notQEMU("it has no monitor")
    }
    let version = outcome.replies[3].monitorOutput.flatMap(QEMUVersion.init(monitorText:))
    isUnsure = version?.reportsEveryStop != true
    let verdict = Verdict(connection.before, contact, status: status, version: version)
    self.verdict = outcome.hasStopped ? .ran : verdict
    switch self.verdict {
    // An earlier connection had stopped the guest when its link broke. `StubLink.settle` decides whether the
    // guest goes on; until then the record stays `.unknown`, so that the guardian can decide.
    case .stopped where connection.debt.ran: break
    case .stopped: connection.owe(false)
    case .ran, .takenAsRunning: connection.owe(true)
    }
  }

  /// A stub that did not report a stop may be another program's, to which our questions mean
  /// something else. One question a write: each write begins with the acknowledgement that other
  /// stubs wait for.
  private static func checkIsQEMU(
    _ connection: Connection, _ link: StubLink
  ) throws(GuestMemError) {
    var replies: [Reply] = []
    for request in [.supported, .physicalMemoryMode] as [Request] {
      replies += try connection.ask([request]).replies
    }
    // Nothing said that connecting stopped its guest, so that a `c` could be wrong.
    guard case .physicalMemoryMode = replies[1] else {
      throw link.notQEMU("it has no physical memory mode")
    }
  }

  /// Asks on, and leaves the guest as it was.
  ///
  /// - Returns: the replies, and when the last of them came.
  func finish(_ requests: [Request], delay: Duration = .zero) throws(GuestMemError) -> Outcome {
    guard case .stopped = verdict else {
      var outcome = try connection.ask(requests + [.resume], delay: delay)
      outcome.replies.removeLast()
      return outcome
    }
    var outcome = Outcome(
      replies: [], hasStopped: false, first: connection.first, last: connection.first)
    // The last is for the next connection.
    for requests in (requests + [.markStopped]).writes {
      let part = try connection.ask(requests)
      outcome.replies += part.replies
      outcome.last = part.last
      guard part.hasStopped else { continue }
      // Noted at once, for somebody had let the guest go on, and our write has stopped it.
      connection.owe(true)
      outcome.hasStopped = true
    }
    outcome.replies.removeLast()
    if outcome.hasStopped {
      outcome.last = try connection.ask([.resume]).last
    }
    return outcome
  }
}
