import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// What the kernel's log holds.
public struct KernelLog: Sendable {
  /// The oldest first.
  public var records: [LogRecord] = []
  /// Records that somebody is writing at this instant: nothing is known of them yet.
  public var unwritten = 0
  /// Records whose text found no place in the buffer; `dmesg` leaves them out, too.
  public var withoutText = 0
  /// Where a later look goes on.
  public var next: LogPosition?
  /// Records between the position that was asked for and the oldest that there is: the kernel has
  /// overwritten them.
  public var overwritten: UInt64 = 0
}

/// A place in the log, between two records.
public struct LogPosition: Hashable, Sendable {
  /// Of the descriptor after it.
  var id: UInt64
}

/// Which records of the log are wanted.
public struct LogQuery: Sendable {
  /// This grave or graver; nil for all.
  public var level: LogLevel?
  /// So many of the newest are wanted whatever their level.
  public var anyLevel = 0
  public var start: Start?
  /// Only so many of the newest are looked at; nil for all.
  public var newest: Int?

  /// From when on.
  public enum Start: Sendable {
    /// Nanoseconds of the log's clock.
    case time(UInt64)
    /// Nanoseconds before its newest record.
    case beforeEnd(UInt64)
    /// A number of a record.
    case sequence(UInt64)
    /// Where an earlier look at the log of the same boot has come to. A record that is not final is as
    /// one that is not there yet, so that none is seen half.
    case position(LogPosition)
  }

  public init(
    level: LogLevel? = nil, anyLevel: Int = 0, start: Start? = nil, newest: Int? = nil
  ) {
    (self.level, self.anyLevel) = (level, anyLevel)
    (self.start, self.newest) = (start, newest)
  }
}

extension Walk {
  /// Reads the ring buffer of printk, as `prb_read_valid()` of kernel/printk/printk_ringbuffer.c
  /// does, and records that are committed but not final with it.
  ///
  /// - Throws: `Unreadable.Reason.lacking` for a kernel whose log is not this one (before 5.10), or
  ///   that does not show where it is.
  public func kernelLog(_ query: LogQuery = LogQuery()) throws(ReadFault) -> KernelLog {
    try LogReader(try ringbuffer(), query).log()
  }

  private func ringbuffer() throws(ReadFault) -> KernelObject<PrintkRingbuffer> {
    let variable: KernelVirtualAddress
    do throws(ReadFault) { variable = try symbol("prb") } catch {
      // The kernel names it for those who read its dumps.
      guard let place = try vmcoreinfo()?["SYMBOL(prb)"].flatMap({ UInt64($0, radix: 16) }) else {
        throw error
      }
      variable = KernelVirtualAddress(place)
    }
    return try read(PrintkRingbuffer.self, at: try view.pointer(at: variable))
  }
}
