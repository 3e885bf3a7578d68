import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeRemoteProtocol

/// What came back for the requests of one write.
struct Outcome {
  var replies: [Reply]
  /// The stub reported a stop meanwhile: somebody had let the guest go on, and our writing stopped it.
  var hasStopped: Bool
  /// When the first of them arrived.
  var first: Moment
  /// When the last of them arrived.
  var last: Moment
}

/// One connection to a stub, from accept to close. QEMU stops the guest at accept and lets it go
/// on at `c`; a connection that closes without one leaves the guest stopped.
final class Connection {
  /// How long an interrupt may have to wait for a stub.
  private static let patience: Duration = .milliseconds(100)
  /// More bytes than a stub has to say before our first question.
  private static let greetingLimit = 4096
  /// A stub that takes a second greeting as it took the first is not to be asked for ever.
  private static let greetings = 3

  /// What the stub said before it took our greeting.
  private(set) var before = Exchange.Before()
  /// When its first word came: the guest has stood still from then on, at the latest.
  private(set) var first = Moment.now
  /// The stub has said something.
  private(set) var hasHeardStub = false
  /// The stub has acknowledged our greeting, so that all it says before that has come.
  private(set) var isAcknowledged = false
  /// The stub has taken our greeting.
  private(set) var isGreeted = false
  /// The connection ended when the stub had taken the greeting, and before any word of it. GDB's own
  /// gdbserver does so, which takes an empty packet for the end.
  private(set) var closedAtGreeting = false
  /// The link broke: nothing that is written here reaches the stub.
  private(set) var isBroken = false

  private let link: StubLink
  private let socket: Socket
  private let timeout: Duration
  private var start = Moment.now
  /// Bytes of the greeting's answer that were looked at, and not taken from the socket.
  private var unread = 0
  /// Sent and received bytes are traced when the guest is on its way again.
  private var traced: [(TraceDirection, [UInt8])] = []

  /// - Parameter timeout: how long the stub may say nothing.
  init(_ link: StubLink, family: Int32, timeout: Duration) throws(Socket.Failure) {
    self.link = link
    self.timeout = timeout
    socket = try Socket(family: family, timeout: timeout)
  }

  /// A connection that ends while it owes the guest a `c`, after whatever error, pays. Where nobody
  /// knows whether it does, `StubLink.settling` asks on another.
  deinit {
    if !isBroken, debt.state == .owed || !hasHeardStub { pay() }
    link.debt.forget(socket.descriptor)
    if let trace = link.options.trace { for (way, bytes) in traced { trace(way, bytes) } }
  }

  // MARK: The first words

  /// Connects and writes the greeting, both in one system call where that can be.
  func open(_ address: Socket.Address, _ contact: Contact) throws(Socket.Failure) {
    link.watch(socket.descriptor, of: address)
    let bytes = encoded([.greeting])
    start = .now
    try link.debt.begin(on: socket.descriptor, contact) { () throws(Socket.Failure) in
      try socket.connect(to: address, sending: bytes)
    }
    note(.sent, bytes)
  }

  /// Waits until the stub has taken the greeting.
  ///
  /// Nothing is taken from the socket before it is noted what it means for the guest: if we die
  /// earlier, the guardian finds it there.
  func greet() throws(GuestMemError) {
    for _ in 0..<Self.greetings {
      if try greetOnce() == .unsupported { break }
      // A dead client's half packet swallowed it.
      let bytes = encoded([.greeting])
      do { try socket.send(bytes) } catch { throw lost(error.reason) }
      note(.sent, bytes)
    }
    isGreeted = true
    link.debt.note(socket.descriptor) { record in
      record.before = before
      // No other way leads to two.
      if before.stops >= 2 { record.state = .owed }
    }
    _ = try? socket.receive(within: .zero, limit: unread)
    unread = 0
    link.count(firstReply: first - start)
  }

  private func greetOnce() throws(GuestMemError) -> Reply? {
    let skipped = unread
    let deadline = ContinuousClock.now + timeout
    let patience = ContinuousClock.now + Self.patience
    var exchange = Exchange([.greeting])
    defer {
      if exchange.hasAck { isAcknowledged = true }
      before += exchange.before
      before.addCutOff(exchange.unfinished)
    }
    while !exchange.isComplete {
      let received: Socket.Received
      do {
        received = try socket.peek(
          beyond: unread, within: min(deadline - .now, Self.patience), limit: Self.greetingLimit)
      } catch {
        throw lost(error.reason)
      }
      switch received {
      case .bytes(let bytes, let arrival):
        note(.received, Array(bytes[unread...]))
        if !hasHeardStub { first = arrival }
        hasHeardStub = true
        unread = bytes.count
        exchange = Exchange([.greeting])
        do { try exchange.feed(bytes[skipped...]) } catch {
          // What the exchange has counted so far is part of all that was said.
          exchange = Exchange([.greeting])
          before += Exchange.Before(saidIn: allSaid().dropFirst(skipped))
          throw link.protocolError(error)
        }
        guard unread < Self.greetingLimit || exchange.isComplete else {
          throw link.protocolError(exchange.shortfall ?? .notAGDBServer(said: bytes))
        }
      case .closed:
        if let shortfall = exchange.shortfall, case .notAGDBServer = shortfall {
          throw link.protocolError(shortfall)
        }
        closedAtGreeting = exchange.hasOnlyAck
        throw lost("it closed the connection")
      case .timedOut where .now >= deadline: throw silence(isTotal: unread == 0, exchange)
      case .timedOut: break
      }
      // Not earlier: a stub that answers is to be heard out.
      if .now > patience, !exchange.isComplete { try link.keepWaiting(timeout - (deadline - .now)) }
    }
    return exchange.replies[0]
  }

  /// How long to wait for what a stub still sends after something that could not be understood.
  private static let afterword: Duration = .milliseconds(30)

  /// What the stub has said, and says for a moment more.
  private func allSaid() -> [UInt8] {
    let deadline = ContinuousClock.now + Self.afterword
    var bytes: [UInt8] = []
    while case .bytes(let more, _)? = try? socket.peek(
      beyond: bytes.count, within: max(.zero, deadline - .now), limit: Self.greetingLimit),
      more.count > bytes.count
    {
      bytes = more
    }
    return bytes
  }

  // MARK: Debt

  /// Whether the guest is known to have run, after an error of the connection.
  ///
  /// - Parameter error: a link that breaks and an interrupt may come before the second of two stop replies. A stub
  ///   whose words could not be understood has had the time for both.
  func hasShownThatGuestRan(_ error: GuestMemError) -> Bool {
    let isCutShort = isBroken || error.kind == .interrupted
    return debt.hasRun
      || before.showsThatGuestRan(debt.contact, isWhole: isAcknowledged || !isCutShort)
  }

  /// What this connection owes the guest.
  var debt: DebtRecord { link.debt.record(of: socket.descriptor) }

  /// Notes whether the guest is to go on.
  func owe(_ isOwed: Bool) {
    link.debt.note(socket.descriptor) { $0.state = isOwed ? .owed : .nothing }
  }

  /// Ends the connection; what it owes is to be paid on another.
  func end() { socket.end() }

  /// Pays on other connections what this one owed when its link broke.
  func payElsewhere<R>(_ owed: DebtRecord, _ pay: () -> R) -> R {
    link.debt.whileBroken(socket.descriptor, owes: owed, pay)
  }

  /// Lets the guest go on at once if that is owed.
  func pay() {
    if link.debt.pay(on: socket.descriptor) { note(.sent, Array("\(ResumeDebt.payment)".utf8)) }
  }

  // MARK: Questions and answers

  /// What every write after the first begins with, for somebody else may have let the guest go on
  /// meanwhile. Then the first byte that QEMU heeds stops the guest and is lost: it must not be a
  /// packet's. The one before it acknowledges the last reply, without which QEMU heeds nothing but a
  /// packet. While the guest stands still both mean nothing.
  private static let lead = Array("++".utf8)

  /// Writes, and waits until every request has its reply.
  ///
  /// - Parameter delay: sleep so long first. QEMU sends two segments a reply, and a client that is
  ///   woken for each slows it down while the guest stands still: with 74 reads, 0.4 ms became 1 to
  ///   2 ms. A delay that is too long costs us time and the guest nothing. (It shows in the measured
  ///   pause all the same: a fresh connection's congestion window is ten segments, and the rest of
  ///   the replies waits in QEMU's socket for our ACK.)
  func ask(_ requests: [Request], delay: Duration = .zero) throws(GuestMemError) -> Outcome {
    let bytes = Self.lead + encoded(requests)
    let start = Moment.now
    let resumes = requests.last == .resume
    do {
      try link.debt.during(socket.descriptor, holdsResume: resumes) { () throws(Socket.Failure) in
        try socket.send(bytes)
      }
    } catch {
      throw lost(error.reason)
    }
    note(.sent, bytes)
    if delay > .zero { sleep(for: delay) }
    let outcome = try replies(to: requests, since: start)
    if resumes { owe(false) }
    return outcome
  }

  private func replies(
    to requests: [Request], since start: Moment
  ) throws(GuestMemError) -> Outcome {
    var exchange = Exchange(requests)
    var last = start
    var first: Moment?
    // A stub that says something is alive: the limit is on silence.
    var deadline = ContinuousClock.now + timeout
    // Not earlier: QEMU is to have all that we wrote, `c` included, before we close.
    let patience = ContinuousClock.now + Self.patience
    while !exchange.isComplete {
      if .now > patience { try link.keepWaiting(timeout - (deadline - .now)) }
      let received: Socket.Received
      do {
        // A byte alone brings the time stamp of the first reply after a delay, too.
        received = try socket.receive(
          within: min(deadline - .now, Self.patience), limit: first == nil ? 1 : 1 << 18)
      } catch {
        throw lost(error.reason)
      }
      switch received {
      case .bytes(let bytes, let arrival):
        note(.received, bytes)
        first = first ?? arrival
        last = arrival
        deadline = .now + timeout
        do { try exchange.feed(bytes) } catch { throw link.protocolError(error) }
      case .closed: throw lost("it closed the connection")
      case .timedOut where .now < deadline: continue
      case .timedOut: throw silence(isTotal: false, exchange)
      }
    }
    link.count(roundTrip: (first ?? last) - start)
    return Outcome(
      replies: exchange.replies, hasStopped: exchange.stopReplies.contains { $0.isSignal },
      first: first ?? last, last: last)
  }

  // MARK: Errors

  private func lost(_ reason: String) -> GuestMemError {
    isBroken = true
    return link.lost(reason)
  }

  /// Nothing came: not a word since the connection, or nothing more.
  private func silence(isTotal: Bool, _ exchange: Exchange) -> GuestMemError {
    pay()
    guard isTotal else {
      return link.protocolError(exchange.shortfall ?? .notAGDBServer(said: []))
    }
    return GuestMemError(
      .silent,
      "no reply from \(link.target) in \(timeout.inSeconds): another debugger is "
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
