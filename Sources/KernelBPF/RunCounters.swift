/// How often a program ran and at what cost: one CPU's record, or the sum.
public struct RunCounters: Hashable, Sendable {
  public var cnt: UInt64
  /// Nanoseconds; counted while `kernel.bpf_stats_enabled` is on.
  public var nsecs: UInt64
  /// Runs that recursion prevention left out; nil where the kernel does not count them.
  public var misses: UInt64?

  public init(cnt: UInt64, nsecs: UInt64, misses: UInt64?) {
    self.cnt = cnt
    self.nsecs = nsecs
    self.misses = misses
  }

  /// Nanoseconds a run, 0 for a program that never ran.
  public var nsPerCall: Double { cnt == 0 ? 0 : Double(nsecs) / Double(cnt) }

  /// The share of runs that were left out, 0 to 1.
  public var missRate: Double {
    let misses = Double(misses ?? 0)
    // In floating point, for the sum of two counters may not fit in 64 bits.
    let tried = misses + Double(cnt)
    return tried == 0 ? 0 : misses / tried
  }

  /// Adds another CPU's record; a sum that does not fit stays at the largest number.
  public static func + (a: Self, b: Self) -> Self {
    Self(
      cnt: a.cnt.addingSaturating(b.cnt), nsecs: a.nsecs.addingSaturating(b.nsecs),
      misses: a.misses.flatMap { left in b.misses.map { left.addingSaturating($0) } })
  }
}

extension UInt64 {
  func addingSaturating(_ other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
