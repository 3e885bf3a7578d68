/// When to look again at a guest that is not there yet, and when to give up.
///
/// Each look at a running guest stops it: the rests between two of them grow, and begin short again
/// when something else is seen, for then the guest is on its way.
struct Patience {
  /// So long a script waits that says what for and not how long.
  static let usual: Duration = .seconds(60)
  private static let (shortest, longest): (Duration, Duration) = (.milliseconds(250), .seconds(1))
  private static let growth = 1.25

  /// Nil: without end.
  let limit: Duration?
  private var next = Self.shortest
  private var seen: String?

  init(limit: Duration?) { self.limit = limit }

  /// How long to rest before the next look; nil when the time is over.
  ///
  /// - Parameters:
  ///   - seen: what this look found.
  ///   - elapsed: since the wait began.
  mutating func rest(after seen: String, at elapsed: Duration) -> Duration? {
    if seen != self.seen { next = Self.shortest }
    self.seen = seen
    defer { next = min(next * Self.growth, Self.longest) }
    guard let limit else { return next }
    return elapsed < limit ? min(next, limit - elapsed) : nil
  }
}

extension SessionOptions {
  /// Nil where nothing is waited for.
  var patience: Patience? {
    guard wait != nil || waitFor != nil else { return nil }
    guard let wait else { return Patience(limit: Patience.usual) }
    return Patience(limit: wait == 0 ? nil : .nanoseconds(Int64(wait * 1e9)))
  }
}
