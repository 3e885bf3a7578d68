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
        case .unknown: connection.isBroken || connection.hasHeardStub && error.kind == .lost
        }
      guard isInDoubt else { throw error }
      // Of two stop replies the first may be all that came.
      let ran = debt.state != .unknown || connection.before.stops > 0 && debt.before == nil
      connection.end()
      throw recover(connection, debt, ran: ran, threads, error)
    }
  }

  /// Returns the error with what became of the guest.
  private func recover(
    _ first: Connection, _ debt: DebtRecord, ran: Bool, _ threads: Set<Int>, _ cause: GuestMemError
  ) -> GuestMemError {
    let deadline = ContinuousClock.now + Self.limit
    var delay: Duration = .milliseconds(50)
    for attempt in 0..<Self.tries {
      if attempt > 0 {
        sleep(delay)
        delay *= 2
      }
      let left = deadline - .now
      guard left > .zero else { break }
      var next: Connection?
      do throws(GuestMemError) {
        let connection = try connectAgain(debt.contact, within: left)
        next = connection
        let arrival = try Arrival(connection, debt.contact, self)
        if let fate = try settle(
          arrival, ran: ran, wasGreeted: first.isGreeted, isAnother: arrival.isOf(others: threads))
        {
          return GuestMemError(.lost, "\(cause). \(fate)")
        }
        break
      } catch {
        if error.kind == .unsupported { return error }
        if first.closedAtGreeting, next?.closedAtGreeting == true {
          return notQEMU("it takes an empty packet for the end, as GDB's gdbserver does")
        }
      }
    }
    if first.closedAtGreeting {
      return GuestMemError(
        .lost,
        "\(target) closed the connection at our first packet, as GDB's gdbserver does. If it is "
          + "QEMU, its guest may still stand: `cont` in its monitor")
    }
    return GuestMemError(
      .lost,
      "lost \(target) while its guest stood still for us; it may still stand: `cont` in QEMU's "
        + "monitor")
  }

  /// Does what the guest is due on a new connection, and says what that was; nil when nobody can
  /// know.
  private func settle(
    _ arrival: Arrival, ran: Bool, wasGreeted: Bool, isAnother: Bool
  ) throws(GuestMemError) -> String? {
    switch arrival.verdict {
    case .stopped(let reason?):
      _ = try arrival.finish([])
      return "The guest has stopped since (\(reason)), and stays so"
    case .stopped(nil) where isAnother:
      _ = try arrival.finish([])
      return "Another QEMU answers there now; its guest is stopped, and stays so"
    case .stopped(nil) where ran:
      arrival.connection.owe(true)
      _ = try arrival.connection.ask([.resume])
    case .stopped(nil):
      _ = try arrival.finish([])
      // QEMU up to 8.0 reported the stop to the connection that broke, if it caused one.
      return wasGreeted ? "The guest is stopped, and stays so" : nil
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
