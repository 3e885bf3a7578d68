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
          replies += try held.connection.ask(requests).replies
        }
        return replies
      } catch {
        // Later replies would be taken for others. The guest first: who is told may take long.
        held.connection.pay()
        countHeld(until: .now)
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
      try foundStopped(connection)
      return try connection.ask(requests).replies
    }
    let outcome = try connection.ask(requests + [.resume], nap: nap)
    link.countHold(outcome.last - told.first)
    return outcome.replies.dropLast()
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
