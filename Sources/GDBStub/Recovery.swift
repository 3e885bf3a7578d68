import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeRemoteProtocol

/// A link that breaks while the guest stands still for us: nobody else would let it go on.
extension StubLink {
  private static let tries = 5
  private static let limit: Duration = .seconds(2)

  /// Works on a connection. Where that fails and leaves the guest standing, or nobody knowing, what
  /// it owes is paid on another.
  ///
  /// - Parameter threads: of the QEMU that it was made to, as far as known.
  func settling<R>(
    _ connection: Connection, of threads: Set<Int>, _ work: () throws(GuestMemError) -> R
  ) throws(GuestMemError) -> R {
    do { return try work() } catch {
      let debt = connection.debt
      let isInDoubt =
        switch debt.state {
        case .nothing: false
        case .owed, .resuming: connection.isBroken
        // Whatever was wrong with what the stub said, it has said something: the guest stands.
        case .unknown: connection.isBroken || connection.hasHeardStub
        }
      guard isInDoubt else { throw error }
      let ran = connection.hasShownThatGuestRan(error)
      connection.end()
      var owed = debt
      owed.ran = ran
      let outcome = connection.payElsewhere(owed) { recover(connection, owed, threads, error) }
      throw error.kind == .interrupted ? GuestMemError.interrupted : outcome
    }
  }

  /// Returns the error with what became of the guest.
  ///
  /// A stub that is not QEMU's, or not a gdbserver, is asked a second time: what it said first may
  /// have been changed on the way.
  private func recover(
    _ first: Connection, _ debt: DebtRecord, _ threads: Set<Int>, _ cause: GuestMemError
  ) -> GuestMemError {
    let deadline = ContinuousClock.now + Self.limit
    var delay: Duration = .milliseconds(50)
    var contact = debt.contactAfterBrokenLink
    var next: Connection?
    for attempt in 0..<Self.tries {
      // QEMU serves one client at a time.
      next = nil
      if attempt > 0 {
        sleep(for: delay)
        delay *= 2
      }
      let left = deadline - .now
      guard left > .zero else { break }
      do throws(GuestMemError) {
        let connection = try connectAgain(contact, within: left)
        next = connection
        let arrival = try Arrival(connection, contact, self)
        if let fate = try settle(
          arrival, wasGreeted: first.isGreeted, isAnother: arrival.isOf(others: threads))
        {
          // The debt is cleared before this connection ends, whose end would show it again.
          self.debt.brokenIsPaid()
          return GuestMemError(.lost, "\(cause). \(fate)")
        }
        break
      } catch {
        if let next {
          contact = next.debt.contactAfterBrokenLink
          if next.hasShownThatGuestRan(error) { self.debt.brokenHasRun() }
        }
        let peer = peer(of: next, debt, error)
        if peer != .qemu {
          payUnheard(next, peer)
          return error
        }
        if first.closedAtGreeting, next?.closedAtGreeting == true {
          return notQEMU("it takes an empty packet for the end, as GDB's gdbserver does")
        }
      }
    }
    if first.closedAtGreeting {
      return GuestMemError(
        .lost,
        "\(target) closed the connection at our first packet, as GDB's gdbserver does. If it is "
          + "QEMU, its guest may still be stopped: \(StubLink.wayToResume)")
    }
    // A server that is not QEMU may take no second client.
    let peer = peer(of: first, debt, cause)
    payUnheard(next, peer)
    guard peer == .qemu else { return cause }
    let lost = GuestMemError(
      .lost,
      "lost \(target) while its guest was stopped for us; it may still be stopped: "
        + StubLink.wayToResume)
    // An interruption is all that is reported of itself.
    if cause.kind == .interrupted { options.notice("\(lost)") }
    return lost
  }

  /// Lets the guest go on if it is known or likely to have run: what is written may arrive where
  /// nothing comes back that can be understood.
  private func payUnheard(_ connection: Connection?, _ peer: Peer) {
    if peer != .anotherGDBServer { connection?.pay() }
  }

  /// What has answered, as far as an error shows it.
  private enum Peer {
    case qemu
    /// Its target may be one that a `c` must not start.
    case anotherGDBServer
    /// It is not harmed by a `c`, and may be QEMU on a link that changes all that it says.
    case noGDBServer
  }

  /// What we knew for QEMU before is QEMU all the same, and a server that accepted our greeting is a
  /// gdbserver.
  private func peer(
    of connection: Connection?, _ debt: DebtRecord, _ error: GuestMemError
  ) -> Peer {
    guard debt.contact.isFirst else { return .qemu }
    switch error.kind {
    case .unsupported: return .anotherGDBServer
    case .unreachable where connection?.isGreeted != true: return .noGDBServer
    default: return .qemu
    }
  }

  /// Does what the guest is due on a new connection, and says what that was; nil when nobody can
  /// know.
  private func settle(
    _ arrival: Arrival, wasGreeted: Bool, isAnother: Bool
  ) throws(GuestMemError) -> String? {
    switch arrival.verdict {
    case .stopped(let reason?):
      arrival.connection.owe(false)
      _ = try arrival.finish([])
      return "The guest has stopped since (\(reason)), and is left stopped"
    case .stopped(nil) where isAnother:
      arrival.connection.owe(false)
      _ = try arrival.finish([])
      return "Another QEMU answers there now; its guest is stopped, and is left stopped"
    // A connection before this one has shown it.
    case .stopped(nil) where arrival.connection.debt.ran:
      arrival.connection.owe(true)
      _ = try arrival.connection.ask([.resume])
    case .stopped(nil):
      _ = try arrival.finish([])
      // QEMU up to 8.0 reported the stop to the connection that broke, if it caused one.
      return wasGreeted ? "The guest is stopped, and is left stopped" : nil
    case .ran, .takenAsRunning:
      _ = try arrival.finish([])
    }
    return "The guest runs: a new connection let it go on"
  }

  private func connectAgain(
    _ contact: Contact, within time: Duration
  ) throws(GuestMemError) -> Connection {
    do throws(Socket.Failure) {
      return try open(contact, timeout: min(time, options.timeout))
    } catch {
      throw lost(error.reason)
    }
  }
}

extension Arrival {
  /// True when other threads run the vCPUs than those that were known.
  func isOf(others known: Set<Int>) -> Bool {
    guard let threads, !known.isEmpty else { return false }
    return threads.isDisjoint(with: known)
  }
}
