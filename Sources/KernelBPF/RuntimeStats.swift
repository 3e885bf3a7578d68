import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

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

extension BPFLayout.Statistics {
  /// One CPU's record. The counters come from one read where they are within 64 bytes of each
  /// other, and so from one moment even of memory that changes.
  func read(
    at record: KernelVirtualAddress, in view: MemoryView
  ) throws(ReadFault) -> RunCounters {
    let offsets = [count, nanoseconds] + (misses.map { [$0] } ?? [])
    let first = offsets.min()!
    let size = offsets.max()! + 8 - first
    guard size <= 64 else {
      return try view.gather { () throws(ReadFault) in
        var missed: UInt64?
        if let misses { missed = try view.u64(at: record + misses) }
        return RunCounters(
          cnt: try view.u64(at: record + count), nsecs: try view.u64(at: record + nanoseconds),
          misses: missed)
      }
    }
    let bytes = try view.bytes(at: record + first, count: size)
    func counter(_ offset: Int) -> UInt64 { bytes.u64(at: offset - first)! }
    return RunCounters(
      cnt: counter(count), nsecs: counter(nanoseconds), misses: misses.map(counter))
  }
}
