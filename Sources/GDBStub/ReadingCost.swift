import GuestScopeGuestMemory

/// How long a stub takes to answer reads while its guest stands still: one time for each request, and
/// one for each byte of memory. Each stop of a running guest measures it again.
///
/// What is learnt is one number, how slow the stub is against the usual costs: the median of the
/// last stops. A machine that is busy for a moment answers one of them in ten times as long, which
/// the median does not see. One that is always busy is slower by a half or so; for that
/// `Glance.nominalShare` leaves room, and stops that became shorter for it would only tear answers
/// apart that fit in one.
struct ReadingCost {
  /// Nanoseconds a request and a byte: QEMU 5.2 to 11 under TCG, over TCP.
  static let usual = (request: 8_000.0, byte: 4.5)
  /// A stub is taken to be slower or faster by this factor at the most.
  static let bound = 8.0
  /// Nanoseconds. A stop that is expected to take less says more of the machine than of the stub, and does not
  /// count. The expectation includes what is known of the stub: those of a slow one read little, and must
  /// still be able to show that it has become faster.
  private static let least = 200_000.0
  /// The stops that count, and how many there must be.
  private static let (window, few) = (16, 4)

  /// Of the last stops, the oldest first.
  private var ratios: [Double] = []
  /// 1 for a stub of the usual costs, 2 for one that takes twice as long.
  private(set) var slowness = 1.0

  var request: Double { Self.usual.request * slowness }
  var byte: Double { Self.usual.byte * slowness }

  /// Learns from one stop.
  ///
  /// - Parameters:
  ///   - requests: of one write.
  ///   - bytes: of memory in their replies.
  ///   - time: from the first reply to the last one, as the kernel saw them come.
  mutating func note(requests: Int, bytes: Int, took time: Duration) {
    let usual = Double(requests) * Self.usual.request + Double(bytes) * Self.usual.byte
    // A clock that was set back meanwhile gives a time below zero.
    guard bytes > 0, usual * max(slowness, 1) >= Self.least, time > .zero else { return }
    ratios.append(time / .nanoseconds(1) / usual)
    if ratios.count > Self.window { ratios.removeFirst() }
    guard ratios.count >= Self.few else { return }
    let median = ratios.sorted()[ratios.count / 2]
    let slowness = max(min(median, 1), median * Glance.nominalShare)
    self.slowness = min(max(slowness, 1 / Self.bound), Self.bound)
  }
}
