import GuestScopeRemoteProtocol

/// What is known of a guest before a connection is made to its stub.
enum Contact: UInt8, Sendable {
  /// Nothing: the first connection of a session.
  case first
  /// The user says that the guest is stopped and is to stay so.
  case firstToLeaveStopped
  /// Our last connection left the guest running.
  case afterRunning
  /// Our last connection left the guest stopped.
  case afterStopped

  var isFirst: Bool { self == .first || self == .firstToLeaveStopped }

  /// Whether a guest is let go on whose stub never says a word. What we wrote reaches QEMU when the
  /// debugger before us leaves, and our end of file after it: without a `c` that would pause the
  /// guest for good.
  var silenceMeansRunning: Bool { self == .first || self == .afterRunning }
}

/// Whether the guest ran until a connection stopped it: the rules of when a connection ends in `c`.
enum Verdict: Equatable {
  case ran
  /// Nobody can know. Running is the rule, and a notice says so.
  case takenAsRunning
  case stopped(reason: String?)

  /// - Parameters:
  ///   - before: what the stub said before it took our greeting. Up to 8.0 QEMU reports every stop
  ///     to the client whose connection caused it; later ones only if the packet before it let a
  ///     guest run (8.1, `allow_stop_reply` in gdbstub/gdbstub.c), whoever sent that packet, and
  ///     whether or not a client was there to see the stop.
  ///   - status: what `info status` says, when the guest stands still in any case.
  ///   - version: nil where it could not be read, which no QEMU up to 8.0 is known for.
  init(
    _ before: Exchange.Before, _ contact: Contact, status: RunStatus, version: QEMUVersion?
  ) {
    if before.stops >= 2 {
      self = .ran
    } else if case .paused(let reason?) = status {
      self = .stopped(reason: reason)
    } else if version?.reportsEveryStop == true || before.stops == 1 || before.hasMark {
      self = .stopped(reason: nil)
    } else if contact == .firstToLeaveStopped {
      self = .stopped(reason: nil)
    } else {
      self = .takenAsRunning
    }
  }
}

extension Exchange.Before {
  /// Whether what the stub has said shows that the guest ran until we connected. Nothing but our connection leads to
  /// two stop replies. A single one is the first of two where the second had no time to come; otherwise it is of a
  /// stop that nobody has seen.
  ///
  /// - Parameter isWhole: more will not come: the stub has acknowledged the greeting, or had time enough.
  func showsThatGuestRan(_ contact: Contact, isWhole: Bool) -> Bool {
    stops >= 2 || stops == 1 && !isWhole && contact.silenceMeansRunning
  }
}

extension QEMUVersion {
  /// Up to 8.0 every stop is reported to the client whose connection caused it.
  var reportsEveryStop: Bool { (major, minor) <= (8, 0) }
}
