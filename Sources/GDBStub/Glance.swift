import GuestScopeGuestMemory
import GuestScopeRemoteProtocol

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
  func exchange(_ requests: [Request]) throws(GuestMemError) -> [Reply] {
    try glance(requests).replies
  }

  /// The same, with the moment at which the stub's first word came: the guest stood still then.
  ///
  /// - Parameter bytes: of memory that the requests read.
  func glance(
    _ requests: [Request], bytes: Int = 0, delay: Duration = .zero
  ) throws(GuestMemError) -> (replies: [Reply], first: Moment) {
    try link.checkInterrupted()
    if let held { return try exchange(requests, on: held.connection) }
    let tooLarge = GuestMemError(.tooLarge, "more requests than one stop of the guest may hold")
    let fits = requests.writes.count == 1
    guard fits || runState != .running else { throw tooLarge }
    let arrival = try arrive()
    if !fits, runState == .running {
      // Somebody let it go on since.
      _ = try arrival.finish([])
      throw tooLarge
    }
    let outcome = try link.settling(arrival.connection, of: threads) { () throws(GuestMemError) in
      try arrival.finish(requests, delay: delay)
    }
    noteEnd(of: arrival, outcome)
    if runState == .running {
      let took = outcome.last - outcome.first
      readingCost.note(requests: requests.count, bytes: bytes, took: took)
    }
    return (outcome.replies, arrival.connection.first)
  }

  private func exchange(
    _ requests: [Request], on connection: Connection
  ) throws(GuestMemError) -> (replies: [Reply], first: Moment) {
    do throws(GuestMemError) {
      return try link.settling(connection, of: threads) { () throws(GuestMemError) in
        var replies: [Reply] = []
        var first: Moment?
        // When we end, QEMU drops what it has not read yet, and with it a `c` at the end.
        for requests in requests.writes {
          let outcome = try connection.ask(requests)
          replies += outcome.replies
          first = first ?? outcome.first
        }
        return (replies, first ?? connection.first)
      }
    } catch {
      // Later replies would be taken for others. The guest comes first: the user may be slow to read.
      connection.pay()
      countHeld(until: .now)
      held = nil
      link.options.notice("the hold has ended")
      throw error
    }
  }
}

extension [Request] {
  /// In order, in writes of at most `Glance.requestBytes` each.
  var writes: [[Request]] {
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
