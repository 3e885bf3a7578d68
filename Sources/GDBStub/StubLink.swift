import Glibc
import GuestMemory
import RemoteProtocol

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
  /// When a connection last ended.
  private var lastEnd: ContinuousClock.Instant?
  private var addresses: [Socket.Address]
  /// When no other debugger was there.
  private var peersChecked: ContinuousClock.Instant?

  init(_ target: StubTarget, _ options: StubOptions, debt: ResumeDebt) throws(GuestMemError) {
    self.target = target
    self.options = options
    self.debt = debt
    do { addresses = try Socket.Address.resolve(target) } catch {
      throw GuestMemError(.unreachable, "cannot \(error.call): \(error.reason)")
    }
  }

  /// Connects, writes, and returns the connection with the moment before.
  func connect(
    _ requests: [Request], _ owing: Owing = .always
  ) throws(GuestMemError) -> (Connection, Moment) {
    var failure: Socket.Failure?
    for (index, address) in addresses.enumerated() {
      if case .tcp(_, let port) = target, address.isLoopback, hasAnotherPeer(port) {
        throw GuestMemError(
          .busy,
          "\(target) serves another debugger already, and QEMU serves one client at a time: "
            + "let it detach first")
      }
      do throws(Socket.Failure) {
        let connection = try Connection(self, family: address.family)
        let start = try connection.open(address, requests, owing)
        // The others were for the first contact only.
        if addresses.count > 1 { addresses = [addresses[index]] }
        return (connection, start)
      } catch {
        failure = failure ?? error
      }
    }
    throw unreachable(failure ?? Socket.Failure("connect", code: EADDRNOTAVAIL))
  }

  /// Reading the socket tables takes longer than a glance (milliseconds with some hundred sockets):
  /// of a burst of them one in so many looks. A debugger that comes in between is noticed too, by
  /// the stub's silence.
  private static let peerCheckLife: Duration = .milliseconds(50)

  private func hasAnotherPeer(_ port: UInt16) -> Bool {
    guard options.checksLocalPeers else { return false }
    if let last = peersChecked, .now - last < Self.peerCheckLife { return false }
    let hasPeer = LocalPeers.hasPeer(port: port)
    peersChecked = hasPeer ? nil : .now
    return hasPeer
  }

  /// One connection with one write that lets the guest go on at its end, or, for a guest that
  /// was stopped before, does not.
  func glance(_ requests: [Request], nap: Duration = .zero) throws(GuestMemError) -> Outcome {
    let (connection, start) = try connect(requests)
    let outcome = try connection.replies(to: requests, since: start, nap: nap)
    count(outcome, isStop: requests.last == .resume)
    return outcome
  }

  func count(_ outcome: Outcome, isStop: Bool) {
    if isStop { statistics.add(outcome.pause) }
    // Below zero when somebody set the clock back meanwhile.
    if outcome.stopCost >= .zero {
      firstReply = min(firstReply ?? outcome.stopCost, outcome.stopCost)
    }
    lastEnd = .now
  }

  func count(roundTrip time: Duration) {
    guard time >= .zero else { return }
    roundTrip = isRoundTripKnown ? min(roundTrip, time) : time
    isRoundTripKnown = true
  }

  /// Cost of a stop that does nothing. TCP goes the way once more before it connects, and all of
  /// the way stops nobody.
  var stopCost: Duration {
    let way = if case .unix = target { roundTrip } else { roundTrip * 2 }
    return max(.zero, (firstReply ?? .microseconds(100)) - way)
  }

  /// True when the last connection is so long ago that much may have happened to the guest: it
  /// panicked, or somebody stopped it.
  var hasRested: Bool { lastEnd.map { .now - $0 > options.rest } ?? true }

  /// The stops since the last call.
  func takeStatistics() -> StopStatistics {
    defer { statistics = StopStatistics() }
    return statistics
  }

  /// Asked before work, never before what lets a guest go on.
  func checkInterrupted() throws(GuestMemError) {
    if options.isInterrupted() { throw .interrupted }
  }

  /// Counts a stop that took several writes.
  ///
  /// - Parameter earlier: what of it is counted already.
  func countHold(_ pause: Duration, earlier: Duration = .zero) {
    statistics.add(pause, earlier: earlier)
    lastEnd = .now
  }

  // MARK: Errors

  private func unreachable(_ failure: Socket.Failure) -> GuestMemError {
    switch failure.code {
    case ECONNREFUSED, ENOENT:
      return GuestMemError(
        .unreachable,
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

  func protocolError(_ error: ProtocolError) -> GuestMemError {
    if case .notAGDBServer = error {
      return GuestMemError(
        .unreachable, "\(target) is \(error): name the port of QEMU's -gdb or -s with -c")
    }
    return GuestMemError(.lost, "\(target): \(error)")
  }
}

extension GuestMemError {
  static var interrupted: Self { Self(.interrupted, "interrupted") }
}

extension Duration {
  /// `5 s`, `0.25 s`.
  var inSeconds: String {
    let (seconds, attoseconds) = components
    let milliseconds = attoseconds / 1_000_000_000_000_000
    guard milliseconds > 0 else { return "\(seconds) s" }
    return "\(Double(seconds * 1000 + milliseconds) / 1000) s"
  }
}

func sleep(_ duration: Duration) {
  let (seconds, attoseconds) = duration.components
  var time = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
  unsafe nanosleep(&time, nil)
}
