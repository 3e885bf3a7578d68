import GuestMemory
import RemoteProtocol

/// What the first stop of a session finds out. It sends no `c` before it knows that the guest was
/// running: a `c` would resume a guest that somebody had stopped.
struct Probe {
  var runState: RunState
  /// What the next client expects to find: the mode is global to QEMU and outlasts us.
  var physicalMemoryMode: Bool
  var features: StubFeatures
  /// The root document of the target description; nil when it is longer than one reply.
  var targetDocument: [UInt8]?

  private static let requests: [Request] = [
    .empty, .supported, .physicalMemoryMode, .monitor(.status),
    .readFeature(annex: TargetDescription.root, offset: 0, count: 0x7f8),
  ]

  init(_ link: StubLink) throws(GuestMemError) {
    try link.checkInterrupted()
    // A guest that is to be left stopped must not run because we were interrupted.
    let (connection, start) = try link.connect(
      Self.requests, link.options.leaveStopped ? .ifItRan : .always)
    let outcome = try connection.replies(to: Self.requests, since: start)
    link.count(outcome, isStop: false)
    guard case .text(let supported) = outcome.replies[1],
      case .physicalMemoryMode(let mode) = outcome.replies[2],
      case .monitorOutput(let statusText) = outcome.replies[3],
      let status = RunStatus(monitorText: statusText)
    else {
      // Whatever it is, it did not say that connecting stopped something.
      if !outcome.saidItStopped { connection.forgive() }
      throw GuestMemError(
        .unsupported,
        "\(link.target) is a gdbserver, but not QEMU's: it has no physical memory mode and no "
          + "monitor. Other hypervisors' stubs show neither page tables nor control registers")
    }
    physicalMemoryMode = mode
    features = StubFeatures(supported)
    let told = RunState(
      saidItStopped: outcome.saidItStopped, status: status,
      leaveStopped: link.options.leaveStopped)
    if let told {
      runState = told
    } else {
      runState = try Self.silentState(connection, link)
    }
    if runState != .running { connection.forgive() }
    guard case .feature(let document, let isWhole) = outcome.replies[4] else {
      throw GuestMemError(
        .unsupported, "\(link.target) has no target description, so its registers have no names")
    }
    targetDocument = isWhole ? document : nil
    guard runState == .running else {
      try connection.leaveStopped()
      return
    }
    let resumed = try connection.replies(to: [.resume], since: try connection.write([.resume]))
    link.countHold(resumed.last - outcome.first)
    if told == nil {
      link.options.notice(
        "this QEMU does not tell whether its guest was running; it runs now (--leave-stopped is "
          + "for one that was stopped)")
    }
  }

  private static func silentState(
    _ connection: Connection, _ link: StubLink
  ) throws(GuestMemError) -> RunState {
    let requests: [Request] = [.monitor(.version)]
    let outcome = try connection.replies(to: requests, since: try connection.write(requests))
    guard case .monitorOutput(let text) = outcome.replies[0],
      let version = QEMUVersion(monitorText: text)
    else { return .running }
    return RunState(silentVersion: version)
  }
}
