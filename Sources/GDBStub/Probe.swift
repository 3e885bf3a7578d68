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
    // A guest that is likely to be stopped must not run because we were interrupted.
    let isLikelyStopped = link.options.leaveStopped || !link.options.stoppedThreads.isEmpty
    let (connection, start) = try link.connect(
      Self.requests, isLikelyStopped ? .ifItRan : .always)
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
    if runState == .running { connection.owe() } else { connection.forgive() }
    guard case .feature(let document, let isWhole) = outcome.replies[4] else {
      throw GuestMemError(
        .unsupported, "\(link.target) has no target description, so its registers have no names")
    }
    targetDocument = isWhole ? document : nil
    guard runState == .running else {
      // Else a guest that somebody lets go later would, on QEMU from 8.1 on, look stopped to our
      // next connection.
      _ = try connection.ask([.tellNextStop])
      return
    }
    let resumed = try connection.ask([.resume])
    link.countHold(resumed.last - outcome.first)
    if told == nil {
      link.options.notice(
        "QEMU does not tell whether its guest ran before; it runs now (--leave-stopped)")
    }
  }

  private static func silentState(
    _ connection: Connection, _ link: StubLink
  ) throws(GuestMemError) -> RunState {
    let replies = try connection.ask([.monitor(.version), .monitor(.cpus)]).replies
    // It has been told to tell.
    if replies[1].isOf(link.options.stoppedThreads) { return .stopped(reason: nil) }
    guard case .monitorOutput(let text) = replies[0],
      let version = QEMUVersion(monitorText: text)
    else { return .running }
    return RunState(silentVersion: version)
  }
}

extension Reply {
  /// True for the `info cpus` of the QEMU process that has these threads. One is enough: vCPUs come
  /// and go.
  func isOf(_ threads: Set<Int>) -> Bool {
    guard case .monitorOutput(let text) = self else { return false }
    return HostThread.list(monitorText: text).contains { threads.contains($0.id) }
  }
}
