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
        var replies: [Reply] = []
        // What QEMU has not read when we end is lost, and a `c` behind it too.
        for requests in requests.writes {
          let start = try held.connection.write(requests)
          replies += try held.connection.replies(to: requests, since: start).replies
        }
        return replies
      } catch {
        // Later replies would be taken for others. The guest first: who is told may take long.
        held.connection.pay()
        self.held = nil
        link.countHold(.now - held.since)
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
      if link.hasRested { return try carefully(glance, nap) }
      let outcome = try link.glance(glance + [.resume], nap: nap)
      if !outcome.saidItStopped { try stopAgain() }
      return Array(outcome.replies.dropFirst().dropLast())
    case .stopped:
      return try look(glance)
    }
  }

  /// A glance at a guest that was left alone for a while: it may have stopped by itself since, in a
  /// panic, and a `c` that is on its way already would let it go on and reboot. So the first write
  /// asks, and the second reads and lets go. Costs a round trip, and while it lasts a kill -9 leaves
  /// the guest stopped.
  private func carefully(_ glance: [Request], _ nap: Duration) throws(GuestMemError) -> [Reply] {
    let question: [Request] = [.empty, .monitor(.status)]
    let (connection, start) = try link.connect(question)
    let told = try connection.replies(to: question, since: start)
    link.count(told, isStop: false)
    let requests = Array(glance.dropFirst())
    guard told.saidItStopped else {
      connection.forgive()
      let reason = Self.reason(told.replies[1])
      runState = .stopped(reason: reason)
      link.options.notice(
        reason.map { "the guest has stopped since (\($0)), and stays so" }
          ?? "somebody stopped the guest meanwhile; it stays stopped. \(Self.wayOut)")
      let last = requests + [.tellNextStop]
      let outcome = try connection.replies(to: last, since: try connection.write(last))
      return outcome.replies.dropLast()
    }
    let last = requests + [.resume]
    let outcome = try connection.replies(to: last, since: try connection.write(last), nap: nap)
    link.countHold(outcome.last - told.first)
    return outcome.replies.dropLast()
  }

  private static let wayOut =
    "If it was let go already, which QEMU from 8.1 on does not tell: `cont` in its monitor"

  /// Why the guest is stopped; nil for no reason, or none that is told.
  private static func reason(_ reply: Reply?) -> String? {
    guard case .monitorOutput(let text)? = reply,
      case .paused(let reason)? = RunStatus(monitorText: text)
    else { return nil }
    return reason
  }

  /// A guest that ran before our last stop ends each connection with a stop reply when it runs
  /// before this one. It did not: somebody had stopped it, and our `c` let it go on.
  private func stopAgain() throws(GuestMemError) {
    let requests: [Request] = [.empty, .monitor(.status), .tellNextStop]
    do throws(GuestMemError) {
      let (connection, start) = try link.connect(requests, .never)
      let outcome = try connection.replies(to: requests, since: start)
      runState = .stopped(reason: Self.reason(outcome.replies[1]))
    } catch {
      link.options.notice(
        "somebody had stopped the guest; we let it go on and cannot stop it again")
      throw error
    }
    link.options.notice(
      "somebody stopped the guest between two of our stops; it is stopped again, and stays so. "
        + Self.wayOut)
  }

  /// One connection to a guest that somebody else has stopped: without `c`, unless it turns out
  /// that it was let go in between.
  private func look(_ glance: [Request]) throws(GuestMemError) -> [Reply] {
    // All in one write: a byte that came after somebody's `cont` would stop the guest.
    let requests = glance + [.monitor(.status), .tellNextStop]
    let (connection, start) = try link.connect(requests, .ifItRan)
    let outcome = try connection.replies(to: requests, since: start)
    if outcome.saidItStopped {
      let resumed = try connection.replies(to: [.resume], since: try connection.write([.resume]))
      link.countHold(resumed.last - outcome.first)
      runState = .running
      link.options.notice("somebody let the guest go on; it runs")
    } else {
      runState = .stopped(reason: Self.reason(outcome.replies.dropLast().last))
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

extension [Request] {
  /// In order, in writes of at most `Glance.requestBytes` each.
  fileprivate var writes: [[Request]] {
    var writes: [[Request]] = [[]]
    var count = 0
    for request in self {
      if count + request.encodedCount > Glance.requestBytes, count > 0 {
        writes.append([])
        count = 0
      }
      writes[writes.count - 1].append(request)
      count += request.encodedCount
    }
    return writes
  }
}
