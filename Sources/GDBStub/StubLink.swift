import Glibc
import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeRemoteProtocol

/// The way to one stub: its address, and what all connections to it share.
final class StubLink {
  let target: StubTarget
  var options: StubOptions
  let debt: ResumeDebt
  private var statistics = StopStatistics()
  /// The least that was seen from connect to first reply.
  private var firstReply: Duration?
  /// The least that an answer took on a connection that was there already: the way, there and back.
  private(set) var roundTrip: Duration = .zero
  private var isRoundTripKnown = false
  private var answers = 0
  private var saidThatWayIsLong = false
  private var addresses: [Socket.Address]
  /// When no other debugger was there.
  private var peersChecked: ContinuousClock.Instant?
  private var guardian: Guardian?
  private var saidThatNobodyGuards = false

  init(_ target: StubTarget, _ options: StubOptions, debt: ResumeDebt) throws(GuestMemError) {
    self.target = target
    self.options = options
    self.debt = debt
    do { addresses = try Socket.Address.resolve(target) } catch {
      throw GuestMemError(.unreachable, "cannot \(error.call): \(error.reason)")
    }
  }

  // MARK: Connecting

  /// Connects, and finds out whether the guest ran.
  ///
  /// - Parameter threads: of the QEMU that answered before, as far as known.
  func arrive(_ contact: Contact, _ threads: Set<Int>) throws(GuestMemError) -> Arrival {
    try waitForTurn()
    let connection: Connection
    do throws(Socket.Failure) {
      connection = try open(contact, timeout: options.timeout)
    } catch {
      throw unreachable(error)
    }
    return try settling(connection, of: threads) { () throws(GuestMemError) in
      try Arrival(connection, contact, self)
    }
  }

  /// Opens a connection and sends the greeting.
  func open(_ contact: Contact, timeout: Duration) throws(Socket.Failure) -> Connection {
    var failure: Socket.Failure?
    for (index, address) in addresses.enumerated() {
      do throws(Socket.Failure) {
        let connection = try Connection(self, family: address.family, timeout: timeout)
        try connection.open(address, contact)
        // The others were for the first contact only.
        if addresses.count > 1 { addresses = [addresses[index]] }
        return connection
      } catch {
        failure = failure ?? error
      }
    }
    throw failure ?? Socket.Failure("connect", code: EADDRNOTAVAIL)
  }

  /// Hands a socket to the guardian, which is started when it is first needed, and again should it
  /// have died.
  ///
  /// - Parameter address: where it will connect to.
  func watch(_ descriptor: Int32, of address: Socket.Address) {
    guard let path = options.guardian else { return }
    for _ in 0..<2 {
      if let guardian, guardian.watch(descriptor, of: address) { return }
      guardian = nil
      do { guardian = try Guardian(path, debt.page) } catch {
        if !saidThatNobodyGuards {
          options.notice(
            "no guardian: cannot \(error.call): \(error.reason). A kill -9 of this program may leave "
              + "the guest stopped")
        }
        saidThatNobodyGuards = true
        return
      }
    }
  }

  /// Reading the socket tables takes longer than a glance (milliseconds with some hundred sockets):
  /// of a burst of them one in so many looks. A debugger that comes in between is noticed too, by
  /// the stub's silence.
  private static let peerCheckLife: Duration = .milliseconds(50)
  /// Another reader of our kind is gone within milliseconds, again and again, and its guardian within a second; a
  /// debugger stays.
  private static let turnLimit: Duration = .milliseconds(1200)

  /// Waits until nobody else is served, as far as this machine can tell.
  private func waitForTurn() throws(GuestMemError) {
    guard options.checksLocalPeers, case .tcp(_, let port) = target,
      addresses.contains(where: \.isLoopback)
    else { return }
    if let last = peersChecked, .now - last < Self.peerCheckLife { return }
    let deadline = ContinuousClock.now + Self.turnLimit
    while LocalPeers.hasPeer(port: port) {
      // What a forwarder serves says nothing of QEMU.
      guard LocalPeers.listener(port: port) != .other else { break }
      guard .now < deadline else {
        throw GuestMemError(
          .busy,
          "\(target) serves another debugger already, and QEMU serves one client at a time: "
            + "let it detach first")
      }
      try checkInterrupted()
      sleep(for: .milliseconds(1))
    }
    peersChecked = .now
  }

  // MARK: Cost

  func count(firstReply time: Duration) {
    // Below zero when somebody set the clock back meanwhile.
    if time >= .zero { firstReply = min(firstReply ?? time, time) }
  }

  func count(roundTrip time: Duration) {
    guard time >= .zero else { return }
    roundTrip = isRoundTripKnown ? min(roundTrip, time) : time
    isRoundTripKnown = true
  }

  /// Counts a stop of the guest.
  ///
  /// - Parameter earlier: what of it is counted already.
  func count(pause: Duration, earlier: Duration = .zero) {
    statistics.add(pause, earlier: earlier)
    // The first stops of a busy machine say little of the way.
    answers += 1
    let way = min(roundTrip, firstReply ?? roundTrip)
    guard answers >= 4, way > options.maxPause, !saidThatWayIsLong else { return }
    saidThatWayIsLong = true
    options.notice(
      "the way to \(target) and back takes \(way.inMilliseconds), longer than --max-pause "
        + "(\(options.maxPause.inMilliseconds)): no stop of the guest can be shorter than that")
  }

  /// Cost of a stop that reads nothing: QEMU's own part, and the way to it and back, for the guest
  /// stands still until our second write is there.
  var stopCost: Duration { (firstReply ?? .microseconds(100)) + roundTrip }

  /// The stops since the last call.
  func takeStatistics() -> StopStatistics {
    defer { statistics = StopStatistics() }
    return statistics
  }

  /// Called again and again while the stub has been silent for this long.
  func keepWaiting(_ silence: Duration) throws(GuestMemError) {
    options.waits(silence)
    try checkInterrupted()
  }

  /// Asked before work, never before what lets a guest go on.
  func checkInterrupted() throws(GuestMemError) {
    if options.isInterrupted() { throw .interrupted }
  }

  // MARK: Errors

  private func unreachable(_ failure: Socket.Failure) -> GuestMemError {
    switch failure.code {
    case ECONNREFUSED, ENOENT:
      return GuestMemError(
        .absent,
        "nothing listens on \(target): start QEMU with -s (or -gdb tcp:127.0.0.1:PORT), and name "
          + "its port with -c HOST:PORT")
    // A full backlog: the kernel drops our SYN, and the connect times out.
    case EINPROGRESS, EAGAIN, ETIMEDOUT:
      return GuestMemError(
        .silent,
        "no connection to \(target) in \(options.timeout.inSeconds): several debuggers wait for "
          + "it already, or a firewall drops us")
    default:
      return GuestMemError(.unreachable, "cannot connect to \(target): \(failure.reason)")
    }
  }

  func lost(_ reason: String) -> GuestMemError {
    GuestMemError(.lost, "lost \(target): \(reason); has its QEMU ended?")
  }

  /// - Parameter lack: what shows it, in a sentence.
  func notQEMU(_ lack: String) -> GuestMemError {
    GuestMemError(
      .unsupported,
      "\(target) is a gdbserver, but not that of QEMU's system emulator: \(lack). Other stubs show "
        + "neither page tables nor control registers")
  }

  func protocolError(_ error: ProtocolError) -> GuestMemError {
    if case .notAGDBServer = error {
      return GuestMemError(
        .unreachable, "\(target) is \(error): name the port of QEMU's -gdb or -s with -c")
    }
    if case .repeated = error {
      return notQEMU("it waits for acknowledgements, as gdbserver, QEMU's user mode and kgdb do")
    }
    return GuestMemError(.lost, "\(target): \(error)")
  }
}

extension StubLink {
  /// For whoever has a guest that stands still, and must not.
  static let wayToResume = "type cont in QEMU's monitor to let it run"
}

extension Duration {
  /// `2 ms`, `0.25 ms`.
  var inMilliseconds: String {
    let (seconds, attoseconds) = components
    let microseconds = Double(seconds) * 1e6 + Double(attoseconds / 1_000_000_000_000)
    let text = "\(microseconds / 1000)"
    return (text.hasSuffix(".0") ? String(text.dropLast(2)) : text) + " ms"
  }

  /// `5 s`, `0.25 s`.
  var inSeconds: String {
    let (seconds, attoseconds) = components
    let milliseconds = attoseconds / 1_000_000_000_000_000
    guard milliseconds > 0 else { return "\(seconds) s" }
    return "\(Double(seconds * 1000 + milliseconds) / 1000) s"
  }
}
