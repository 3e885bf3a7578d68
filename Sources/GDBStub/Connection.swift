import GuestMemory
import RemoteProtocol

/// What came back for the requests of one write.
struct Outcome {
  var replies: [Reply]
  /// The stub said unasked, before all else, that the guest stopped now: it was running.
  var saidItStopped: Bool
  /// When the stub's first word and its last arrived. QEMU says the first when its guest has
  /// stopped, so between them the guest stood still.
  var first: Moment
  var last: Moment
  /// From before the write to the first word: what a stop costs that does nothing.
  var stopCost: Duration

  var pause: Duration { last - first }
}

/// Whether a guest must go on when a connection to it ends.
enum Owing {
  /// It may have been running.
  case always
  /// It was stopped when we last saw it: only if the stub says that this connection stopped it.
  case ifItRan
  /// It is to stand still.
  case never
}

/// One connection to a stub, from accept to close. QEMU stops the guest at accept and lets it go
/// on at `c`; a connection that closes without one leaves the guest stopped.
final class Connection {
  /// How long an interrupt may have to wait for a stub.
  private static let patience: Duration = .milliseconds(100)

  private let link: StubLink
  private let socket: Socket
  private var owing = Owing.always
  /// The first answer of a connection takes as long as a stop, later ones a round trip.
  private var hasAnswered = false
  /// Sent and received bytes are traced when the guest is on its way again.
  private var traced: [(TraceDirection, [UInt8])] = []

  init(_ link: StubLink, family: Int32) throws(Socket.Failure) {
    self.link = link
    socket = try Socket(family: family, timeout: link.options.timeout)
  }

  /// A connection that ends while it owes the guest a `c`, after whatever error, pays.
  deinit {
    pay()
    if let trace = link.options.trace { for (way, bytes) in traced { trace(way, bytes) } }
  }

  /// Connects and writes, both in one system call where that can be.
  func open(
    _ address: Socket.Address, _ requests: [Request], _ owing: Owing
  ) throws(Socket.Failure) -> Moment {
    let bytes = encoded(requests)
    let start = Moment.now
    self.owing = owing
    if case .always = owing {
      try link.debt.issue(
        on: socket.descriptor, holdsResume: requests.last == .resume
      ) { () throws(Socket.Failure) in
        try socket.connect(to: address, sending: bytes)
      }
    } else {
      try socket.connect(to: address, sending: bytes)
    }
    note(.sent, bytes)
    return start
  }

  /// `c` on a connection that has stood for a while, when somebody else may have let the guest go
  /// on. Then the first byte that QEMU heeds stops the guest and is lost: it must not be the packet's.
  /// The one before it acknowledges the last reply, without which QEMU heeds nothing but a packet.
  /// While the guest stands still both mean nothing.
  private static let lateStart = Array("++".utf8)

  /// Writes on a connection that is open.
  func write(_ requests: [Request]) throws(GuestMemError) -> Moment {
    let bytes = (requests.last == .resume ? Self.lateStart : []) + encoded(requests)
    let start = Moment.now
    do {
      if requests.last == .resume {
        try link.debt.issue(on: socket.descriptor, holdsResume: true) {
          () throws(Socket.Failure) in try socket.send(bytes)
        }
      } else {
        try link.debt.during { () throws(Socket.Failure) in try socket.send(bytes) }
      }
    } catch {
      throw link.lost(error.reason)
    }
    note(.sent, bytes)
    return start
  }

  /// Lets the guest go on at once if that is owed.
  func pay() {
    if link.debt.pay(on: socket.descriptor) { note(.sent, Array("\(ResumeDebt.payment)".utf8)) }
  }

  /// The guest was stopped before we came: nothing is owed.
  func forgive() { link.debt.forgive(socket.descriptor) }

  /// The guest was running before we came, as is known by now.
  func owe() { link.debt.owe(socket.descriptor) }

  /// Writes, and waits for the replies.
  func ask(_ requests: [Request], nap: Duration = .zero) throws(GuestMemError) -> Outcome {
    try replies(to: requests, since: try write(requests), nap: nap)
  }

  /// Waits until every request has its reply.
  ///
  /// - Parameter nap: sleep so long first. QEMU sends two segments a reply, and a client that is
  ///   woken for each slows it down while the guest stands still: with 74 reads, 0.4 ms became 1 to
  ///   2 ms. A nap that is too long costs us time and the guest nothing. (It shows in the measured
  ///   pause all the same: a fresh connection's congestion window is ten segments, and the rest of
  ///   the replies waits in QEMU's socket for our ACK.)
  func replies(
    to requests: [Request], since start: Moment, nap: Duration = .zero
  ) throws(GuestMemError) -> Outcome {
    var exchange = Exchange(requests)
    var last = start
    var first: Moment?
    if nap > .zero { sleep(nap) }
    // A stub that says something is alive: the limit is on silence.
    var deadline = ContinuousClock.now + link.options.timeout
    // Not earlier: QEMU is to have all that we wrote, `c` included, before we close.
    let patience = ContinuousClock.now + Self.patience
    while !exchange.isComplete {
      if .now > patience, link.options.isInterrupted() { throw .interrupted }
      let received: Socket.Received
      do {
        // A byte alone brings the time stamp of the first reply after a nap, too.
        received = try socket.receive(
          within: min(deadline - .now, Self.patience), limit: first == nil ? 1 : 1 << 18)
      } catch {
        throw link.lost(error.reason)
      }
      switch received {
      case .bytes(let bytes, let arrival):
        note(.received, bytes)
        first = first ?? arrival
        last = arrival
        deadline = .now + link.options.timeout
        do { try exchange.feed(bytes) } catch { throw link.protocolError(error) }
        if case .ifItRan = owing, exchange.stoppedBeforeFirstAck {
          owing = .always
          owe()
        }
      case .closed:
        if let first = exchange.shortfall, case .notAGDBServer = first {
          throw link.protocolError(first)
        }
        throw link.lost("it closed the connection")
      case .timedOut where .now < deadline: continue
      case .timedOut: throw silence(first == nil, exchange, requests)
      }
    }
    if hasAnswered { link.count(roundTrip: (first ?? last) - start) }
    hasAnswered = true
    return Outcome(
      replies: exchange.replies, saidItStopped: exchange.stoppedBeforeFirstAck,
      first: first ?? last, last: last, stopCost: (first ?? last) - start)
  }

  /// Nothing came: not a word since the connection, or nothing more.
  private func silence(
    _ isTotal: Bool, _ exchange: Exchange, _ requests: [Request]
  ) -> GuestMemError {
    // What we wrote reaches QEMU when the debugger before us leaves, and our end of file after
    // it: without `c` that would pause the guest for good. With one under way nothing is owed.
    pay()
    guard isTotal else {
      return link.protocolError(exchange.shortfall ?? .notAGDBServer(said: []))
    }
    return GuestMemError(
      .silent,
      "no reply from \(link.target) in \(link.options.timeout.inSeconds): another debugger is "
        + "attached (QEMU serves one client at a time), or it is not a gdbserver")
  }

  private func encoded(_ requests: [Request]) -> [UInt8] {
    var bytes: [UInt8] = []
    for request in requests { request.encode(into: &bytes) }
    return bytes
  }

  private func note(_ way: TraceDirection, _ bytes: [UInt8]) {
    if link.options.trace != nil { traced.append((way, bytes)) }
  }
}
