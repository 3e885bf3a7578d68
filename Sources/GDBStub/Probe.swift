import GuestScopeGuestMemory
import GuestScopeRemoteProtocol

/// What the first stop of a session finds out.
struct Probe {
  var runState: RunState
  /// What the next client expects to find: the mode is global to QEMU and outlasts us.
  var physicalMemoryMode: Bool
  var features: StubFeatures
  /// The root document of the target description; nil when it is longer than one reply.
  var targetDocument: [UInt8]?
  /// To what else was asked.
  var more: [Reply]

  private static let requests: [Request] = [
    .supported, .physicalMemoryMode,
    .readFeature(annex: TargetDescription.root, offset: 0, count: 0x7f8),
  ]

  /// - Parameter more: what else to ask in the same write.
  init(_ link: StubLink, and more: [Request]) throws(GuestMemError) {
    try link.checkInterrupted()
    let options = link.options
    let arrival = try link.arrive(options.leaveStopped ? .firstToLeaveStopped : .first, [])
    let outcome = try link.settling(arrival.connection, of: []) { () throws(GuestMemError) in
      try arrival.finish(Self.requests + more)
    }
    guard case .text(let supported) = outcome.replies[0],
      case .physicalMemoryMode(let mode) = outcome.replies[1]
    else {
      throw link.notQEMU("it has no physical memory mode")
    }
    physicalMemoryMode = mode
    features = StubFeatures(supported)
    guard case .feature(let document, let isWhole) = outcome.replies[2] else {
      throw GuestMemError(
        .unsupported, "\(link.target) has no target description, so its registers have no names")
    }
    targetDocument = isWhole ? document : nil
    self.more = Array(outcome.replies[Self.requests.count...])
    if case .stopped(let reason) = arrival.verdict, !outcome.hasStopped {
      runState = .stopped(reason: reason)
      if let reason {
        options.report("the guest is stopped (\(reason)), and is left stopped")
      } else if arrival.isUnsure, !options.leaveStopped {
        options.notice(
          "the guest was stopped after the last debugger left, and is left stopped. If it has been resumed "
            + "since, which QEMU 8.1 and later does not report, \(StubLink.wayToResume)")
      } else if !options.leaveStopped {
        options.notice("the guest is stopped, and is left stopped: \(StubLink.wayToResume)")
      }
      return
    }
    runState = .running
    link.count(pause: outcome.last - arrival.connection.first)
    if arrival.verdict == .takenAsRunning {
      options.notice(
        "QEMU 8.1 and later does not report to its first client whether the guest ran: it was taken "
          + "as running, and runs (--leave-stopped leaves a guest stopped)")
    }
  }
}
