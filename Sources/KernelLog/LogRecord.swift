/// A record of the kernel's log: what one `printk()` wrote, or several that continued it.
public struct LogRecord: Hashable, Sendable {
  /// The number of the record since boot.
  public var sequence: UInt64
  /// Nanoseconds of the log's own clock, `local_clock()`: since boot, but without the time that
  /// the machine slept.
  public var time: UInt64
  public var level: LogLevel
  /// LOG_KERN is 0, LOG_USER 1: include/linux/syslog.h counts as syslog(3) does.
  public var facility: UInt8
  public var caller: Caller
  /// Lines are separated by newlines; the last one has none. Invalid UTF-8 is replaced.
  public var text: String
  /// It goes on with what an earlier record began (LOG_CONT).
  public var isContinuation: Bool
  /// False while the kernel may still append to it: `dmesg` in the guest does not show it yet.
  public var isFinal: Bool

  /// Who wrote it: `printk_caller_id()` of kernel/printk/printk.c.
  public enum Caller: Hashable, Sendable, CustomStringConvertible {
    /// By its number in the root pid namespace.
    case thread(UInt32)
    /// In an interrupt, or before there were threads.
    case cpu(UInt32)

    init(id: UInt32) {
      self = id >> 31 == 1 ? .cpu(id & 0x7fff_ffff) : .thread(id)
    }

    /// As CONFIG_PRINTK_CALLER prints it.
    public var description: String {
      switch self {
      case .thread(let pid): "T\(pid)"
      case .cpu(let cpu): "C\(cpu)"
      }
    }
  }
}

/// How grave a record is; 0 is the gravest (include/linux/kern_levels.h).
public struct LogLevel: Hashable, Comparable, Sendable, CustomStringConvertible {
  public var number: UInt8

  public init(_ number: UInt8) { self.number = number }

  /// KERN_WARNING, which is also what is printed without a level.
  public static let warning = LogLevel(4)

  /// The words of dmesg(1), by number.
  public static let names = [
    "emerg", "alert", "crit", "err", "warn", "notice", "info", "debug",
  ]

  /// - Parameter text: a number from 0 to 7, or its name.
  public init?(_ text: String) {
    guard let index = Self.names.firstIndex(of: text) ?? Int(text),
      Self.names.indices.contains(index)
    else { return nil }
    self.init(UInt8(index))
  }

  public var description: String {
    Int(number) < Self.names.count ? Self.names[Int(number)] : "\(number)"
  }

  /// A graver one is the smaller one.
  public static func < (one: Self, other: Self) -> Bool { one.number < other.number }
}

extension LogRecord {
  /// As dmesg(1) prints it: each line has the time before it, in seconds.
  public var lines: [String] {
    let stamp = time.logSeconds
    let indent = String(repeating: " ", count: max(0, 12 - stamp.count))
    return text.split(separator: "\n", omittingEmptySubsequences: false).map {
      "[\(indent)\(stamp)] \($0.controlsEscaped)"
    }
  }
}

extension UInt64 {
  /// Nanoseconds as seconds with six digits after the point, as the kernel prints times of its log.
  public var logSeconds: String {
    let fraction = "\(self % 1_000_000_000 / 1000)"
    return "\(self / 1_000_000_000)." + String(repeating: "0", count: 6 - fraction.count) + fraction
  }
}
