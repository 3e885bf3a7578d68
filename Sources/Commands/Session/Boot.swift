import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// What a session learnt of one boot of the guest. After a reset, or through another connection,
/// nothing of it holds: it is replaced whole.
struct Boot {
  /// What it knows to read, and what it has decoded for good, is of this boot.
  let engine: SnapshotEngine
  /// Nil until a command needs it; with where its vCPUs were when that was looked at last.
  var kernel: GuestKernel?
  /// What was reported last of where vCPUs are.
  var lastNotice: String?

  init(_ engine: SnapshotEngine) { self.engine = engine }

  /// The next boot, through the same connection.
  var next: Boot { Boot(engine.afresh()) }
}
