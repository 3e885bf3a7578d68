import Glibc

/// How a session ends, or what happens to it on its way.
enum TortureWay: String, CaseIterable, Sendable {
  case kill, interrupt, terminate, hangUp
  /// SIGSTOP, and later SIGCONT or SIGKILL.
  case stopAndContinue, stopAndKill
  case closed, reset, stalled, delays, splits, checksums, losesTail, garbage, endlessStops, lengths
  /// The run state itself is changed on the way.
  case takesStops, changesStatus
  /// Another client of QEMU's gdbserver is there: a bare socket, gdb.
  case socketBeside, gdbBeside

  /// What the link does to QEMU's words; nil where the session has QEMU's own port.
  var tampering: Tampering.Kind? {
    switch self {
    case .kill, .interrupt, .terminate, .hangUp, .stopAndContinue, .stopAndKill, .socketBeside,
      .gdbBeside:
      nil
    case .closed: .closes
    case .reset: .resets
    case .stalled: .stalls
    case .delays: .delays
    case .splits: .splits
    case .checksums: .checksums
    case .losesTail: .losesTail
    case .garbage: .garbage
    case .endlessStops: .endlessStops
    case .lengths: .lengths
    case .takesStops: .takesStops
    case .changesStatus: .changesStatus
    }
  }

  /// The signal that ends the session.
  var signal: Int32? {
    switch self {
    case .kill, .stopAndKill: SIGKILL
    case .interrupt: SIGINT
    case .terminate, .stopAndContinue: SIGTERM
    case .hangUp: SIGHUP
    default: nil
    }
  }

  var isBesideAnother: Bool { self == .socketBeside || self == .gdbBeside }
}
