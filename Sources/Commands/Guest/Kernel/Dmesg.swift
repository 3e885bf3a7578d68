import ArgumentParser
import GuestScopeGuestMemory
import GuestScopeKernelLog

/// `dmesg`: the kernel's log, as dmesg(1) prints it in the guest.
struct Dmesg: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "dmesg", abstract: "The kernel's log.",
    discussion: """
      dmesg
      dmesg --level warn
      dmesg --since -10

      The log is there as long as the guest's memory is, also where nothing was printed on a console, \
      after a panic, or after dmesg -C in the guest. A record that the kernel may still append to is \
      shown with a mark, and has "final": false with -j; dmesg in the guest does not show it yet.
      """)

  @Option(
    help: ArgumentHelp(
      "Records of this level and graver: 0 to 7, or \(LogLevel.names.joined(separator: ", ")).",
      valueName: "level"),
    transform: { text in
      guard let level = LogLevel(text) else {
        throw ValidationError(
          "--level takes a number from 0 to 7, or \(LogLevel.names.joined(separator: ", "))")
      }
      return level
    })
  var level: LogLevel?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Records from this time of the log on, in seconds; a negative one counts from its end.",
      valueName: "s"),
    transform: LogQuery.Start.init(seconds:))
  var since: LogQuery.Start?

  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static let fields: [Field<LogRecord>] = [
    Field("seq") { .unsigned($0.sequence) },
    Field("time_ns") { .unsigned($0.time) },
    Field("level") { JSON($0.level.number) },
    Field("facility") { JSON($0.facility) },
    Field("caller") { .string("\($0.caller)") },
    Field("text") { .string($0.text) },
    Field("continues") { .bool($0.isContinuation) },
    Field("final") { .bool($0.isFinal) },
  ]

  func answer(in session: Session) throws -> Answer {
    let query = LogQuery(level: level, start: since)
    let snapshot = try session.ofThisBoot { kernel in
      try session.walk(kernel) { walk throws(ReadFault) in try walk.kernelLog(query) }
    }
    let log = snapshot.value
    return Answer(
      .array([JSON](log.records, Self.fields)), .lines(log.records.flatMap(\.markedLines)),
      missing: snapshot.missing, remarks: log.remarks)
  }
}

extension LogQuery.Start {
  /// - Parameter text: seconds; negative ones count from the end of the log.
  init(seconds text: String) throws {
    guard let seconds = Double(text), seconds.isFinite, abs(seconds) < 1e9 else {
      throw ValidationError("--since takes seconds, such as 12.5 or -10")
    }
    let nanoseconds = UInt64(abs(seconds) * 1e9)
    self = seconds.sign == .minus ? .beforeEnd(nanoseconds) : .time(nanoseconds)
  }
}

extension LogRecord {
  var markedLines: [String] {
    isFinal ? lines : lines.dropLast() + [lines.last! + "  (not final: more may follow)"]
  }
}

extension KernelLog {
  /// What the records do not say.
  var remarks: [String] {
    var remarks: [String] = []
    if unwritten > 0 {
      let subject = unwritten == 1 ? "a record is" : "\(unwritten) records are"
      remarks.append("\(subject) still being written, and left out")
    }
    if withoutText > 0 {
      let subject = withoutText == 1 ? "a record" : "\(withoutText) records"
      remarks.append("the text of \(subject) found no place in the kernel's buffer")
    }
    return remarks
  }
}
