import GuestScopeGuestMemory

/// What a piece of work cost the guest and us, as `--stats` prints it.
struct SessionStatistics: CustomStringConvertible {
  var stops = StopStatistics()
  /// Samples that depended on each other, without the closing ones.
  var waves = 0
  /// Of all samples.
  var reads = 0
  var bytes = 0
  /// The instants that answers are from, and what was read in them.
  var closingStops = 0
  var closingReads = 0
  var closingBytes = 0
  /// When the guest was as the last snapshot has it, in nanoseconds of this machine's CLOCK_REALTIME;
  /// 0 without one.
  var time: UInt64 = 0

  var description: String {
    "stops=\(stops.stops) longest=\(fixed(stops.longest.milliseconds, 3))ms "
      + "total=\(fixed(stops.total.milliseconds, 3))ms waves=\(waves) reads=\(reads) bytes=\(bytes) "
      + "snapshot=\(closingStops) snapshot_reads=\(closingReads) snapshot_bytes=\(closingBytes)"
  }
}
