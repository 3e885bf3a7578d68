/// How to treat a stub and its guest.
public struct StubOptions {
  /// How long to wait for a stub that says nothing.
  public var timeout: Duration = .seconds(5)
  /// Longest single stop of a running guest.
  public var maxPause: Duration = .milliseconds(2)
  /// The guest was stopped before we came and stays so. QEMU from 8.1 on does not report it.
  public var leaveStopped = false
  /// Look for a debugger in this machine's socket tables before each connection.
  public var checksLocalPeers = true
  /// The path of a guestscope executable, which lets the guest go on should this process die; see
  /// `GuardianProcess`. Nil: nobody does, and a guest that stood still for us at that moment stands
  /// still for ever.
  public var guardian: String?
  /// `QEMUStub.machineRecord` of an earlier session. The first stop checks that it still holds, which is
  /// cheaper than asking for everything.
  public var knownMachine: [UInt8]?
  /// Whether to ask for what `machineRecord` needs to be recognized later, which costs one more stop.
  public var remembersMachine = false
  /// Called with the bytes of every write and read, after the guest goes on.
  public var trace: ((TraceDirection, [UInt8]) -> Void)?
  /// Called with what the user should know and no answer carries.
  public var notice: (String) -> Void = { _ in }
  /// Called, in place of `notice`, with a sentence on why the guest has stopped where QEMU knows a
  /// reason (`guest-panicked`); nil for `notice`.
  public var stopReason: ((String) -> Void)?
  /// Asked before each stop and while one waits for its turn or for the stub's replies; true ends
  /// the work with `GuestMemError.Kind.interrupted`. Between samples `SnapshotEngine` asks its own.
  public var isInterrupted: () -> Bool = { false }
  /// Called about ten times a second while the stub is silent, with the length of the silence so far.
  public var waits: (Duration) -> Void = { _ in }

  public init() {}

  func report(_ reason: String) { (stopReason ?? notice)(reason) }
}

public enum TraceDirection: Sendable { case sent, received }
