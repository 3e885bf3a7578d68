/// How often and how long the guest stood still for us.
public struct StopStatistics: Sendable {
  public var stops = 0
  public var longest: Duration = .zero
  public var total: Duration = .zero

  public init() {}

  /// Adds what was counted elsewhere.
  public mutating func add(_ other: StopStatistics) {
    stops += other.stops
    longest = max(longest, other.longest)
    total += other.total
  }

  /// Adds a stop.
  ///
  /// - Parameter earlier: what of the pause is counted already, as another stop.
  public mutating func add(_ pause: Duration, earlier: Duration = .zero) {
    stops += 1
    longest = max(longest, pause)
    total += pause - earlier
  }
}
