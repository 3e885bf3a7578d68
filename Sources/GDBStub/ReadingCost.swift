import Glibc
import GuestScopeGuestMemory

/// How long a stub takes to answer reads while its guest stands still: so long a request, and so
/// long a byte of memory. Each stop of a running guest measures it again.
///
/// A machine that is busy for a moment answers one stop in ten times as long. So one stop counts
/// for at most twice what was known, and slowness is believed sooner than speed: stops that are
/// too short only cost us time.
struct ReadingCost: Equatable {
  /// Nanoseconds a request and a byte before anything was measured: QEMU 5.2 to 11 under TCG, over
  /// TCP, on a machine of some years ago.
  static let usual = (request: 8_000.0, byte: 4.5)
  /// The learnt costs stay within this factor of the usual ones, both ways.
  static let bound = 8.0
  /// Stops that should be shorter say more of the machine than of the stub.
  private static let least: Duration = .microseconds(60)
  /// The share of what a stop says that is believed.
  private static let (belief, beliefInSpeed) = (0.5, 0.25)

  private(set) var request = usual.request
  private(set) var byte = usual.byte

  /// Nanoseconds.
  private func cost(_ requests: Int, _ bytes: Int) -> (requests: Double, bytes: Double) {
    (Double(requests) * request, Double(bytes) * byte)
  }

  /// Learns from one stop.
  ///
  /// - Parameters:
  ///   - requests: of one write.
  ///   - bytes: of memory in their replies.
  ///   - time: from the first reply to the last one, as the kernel saw them come.
  mutating func note(requests: Int, bytes: Int, took time: Duration) {
    let cost = cost(requests, bytes)
    let expected = cost.requests + cost.bytes
    // A clock that was set back meanwhile gives a time below zero.
    guard expected >= Double(Self.least.nanoseconds), time > .zero else { return }
    let surprise = min(max(log(Double(time.nanoseconds) / expected), -log(2)), log(2))
    let step = surprise * (surprise > 0 ? Self.belief : Self.beliefInSpeed)
    // What made up more of the time is more likely the cause.
    let (requests, bytes) = (cost.requests / expected, cost.bytes / expected)
    let weight = step / (requests * requests + bytes * bytes)
    request = Self.bounded(request * exp(weight * requests), Self.usual.request)
    byte = Self.bounded(byte * exp(weight * bytes), Self.usual.byte)
  }

  private static func bounded(_ cost: Double, _ usual: Double) -> Double {
    min(max(cost, usual / bound), usual * bound)
  }
}

extension Duration {
  fileprivate var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
  }
}
