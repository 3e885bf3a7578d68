import RemoteProtocol

/// Whether the guest runs when we are not there, and so whether our connections end in `c`.
public enum RunState: Sendable, Equatable {
  case running
  /// Stopped by somebody else, with QEMU's word for why: `prelaunch`, `guest-panicked`; nil after
  /// a plain `stop`.
  case stopped(reason: String?)

  /// What the first connection to a guest says about the moment before it.
  ///
  /// - Parameters:
  ///   - saidItStopped: a stop reply came unasked before all else. QEMU up to 8.0 sends one when
  ///     its guest was running; later ones only after a client that left by `c` (8.1,
  ///     `allow_stop_reply` in gdbstub/gdbstub.c).
  ///   - status: what `info status` says now, when the guest stands still in any case.
  /// - Returns: nil when this cannot tell; the version of QEMU then decides.
  init?(saidItStopped: Bool, status: RunStatus, leaveStopped: Bool) {
    switch status {
    case _ where saidItStopped: self = .running
    case .running: self = .running
    case .paused(let reason?): self = .stopped(reason: reason)
    case .paused(nil):
      guard leaveStopped else { return nil }
      self = .stopped(reason: nil)
    }
  }

  /// For a plain `paused` without a stop reply: up to 8.0 the guest was stopped; later ones keep
  /// silent about a running guest too, and running is the rule.
  init(silentVersion version: QEMUVersion) {
    self = (version.major, version.minor) <= (8, 0) ? .stopped(reason: nil) : .running
  }
}
