import ArgumentParser
import GuestScopeGuestMemory
import GuestScopeKernelLog
import GuestScopeLinuxKernel

/// `dmesg`: the kernel's log, as dmesg(1) prints it in the guest.
struct Dmesg: FollowingCommand {
  static let configuration = CommandConfiguration(
    commandName: "dmesg", abstract: "The kernel's log.",
    discussion: """
      dmesg
      dmesg --level warn
      dmesg --since -10
      dmesg --follow --level warn

      The log is there as long as the guest's memory is, also where nothing was printed on a console, \
      after a panic, or after dmesg -C in the guest. A record that the kernel may still append to is \
      shown with a mark, and has "final": false with -j; dmesg in the guest does not show it yet.

      --follow looks again and again, in one short stop of the guest each, and shows what is new, with \
      -j a record a line, until Ctrl-C. Where the kernel has overwritten records between two looks, it \
      says how many: a shorter --interval loses fewer.
      """)

  @Option(
    help: ArgumentHelp(
      "Records of this level or more severe: 0 to 7, or \(LogLevel.names.joined(separator: ", ")).",
      valueName: "level"),
    transform: { text in
      guard let level = LogLevel(text) else {
        throw ValidationError(
          "--level takes a number from 0 to 7, or \(LogLevel.names.joined(separator: ", ")): "
            + "not '\(text)'")
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

  @Flag(help: "Go on with what the kernel logs from now on.")
  var follow = false

  @Option(help: ArgumentHelp("With --follow, the seconds between two looks (1).", valueName: "s"))
  var interval: Double?

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

  var follows: Bool { follow }
  private var seconds: Double { interval ?? 1 }

  func validate() throws {
    guard follow || interval == nil else {
      throw ValidationError("--interval goes with --follow")
    }
    guard (0.01...3600).contains(seconds) else {
      throw ValidationError("--interval takes seconds, from 0.01 to 3600")
    }
  }

  func answer(in session: Session) throws -> Answer {
    let snapshot = try session.ofThisBoot { kernel in
      try session.readLog(LogQuery(level: level, start: since), of: kernel)
    }
    return answer(snapshot)
  }

  func follow(in session: Session, _ show: (Answer) throws -> Void) throws {
    var (position, engine): (LogPosition?, SnapshotEngine?)
    while true {
      let snapshot = try session.ofThisBoot { kernel in
        // In another boot of the guest the position means nothing.
        let current = try session.engine
        if engine != nil, engine !== current { position = nil }
        let start = position.map { .position($0) } ?? (engine == nil ? since : nil)
        engine = current
        return try session.readLog(LogQuery(level: level, start: start), of: kernel)
      }
      guard !session.isHeld else {
        throw CommandError("the guest is held, and logs nothing new: resume it to follow its log")
      }
      position = snapshot.value.next
      // What may still grow comes when it is whole.
      let log = snapshot.map { $0.upToFirstOpen }
      if !log.value.records.isEmpty || log.value.overwritten > 0 || !log.missing.isEmpty {
        try show(answer(log))
      }
      try session.rest(.nanoseconds(Int64(seconds * 1e9)))
    }
  }

  private func answer(_ snapshot: Snapshot<KernelLog>) -> Answer {
    let log = snapshot.value
    let lost: [JSON] = log.overwritten > 0 ? [["overwritten": .unsigned(log.overwritten)]] : []
    return Answer(
      .array(lost + [JSON](log.records, Self.fields)), .lines(log.records.flatMap(\.markedLines)),
      missing: snapshot.missing, remarks: log.remarks)
  }
}

extension Session {
  fileprivate func readLog(
    _ query: LogQuery, of kernel: GuestKernel
  ) throws -> Snapshot<KernelLog> {
    try walk(kernel) { walk throws(ReadFault) in try walk.kernelLog(query) }
  }
}

extension LogQuery.Start {
  /// - Parameter text: seconds; negative ones count from the end of the log.
  init(seconds text: String) throws {
    guard let seconds = Double(text), seconds.isFinite, abs(seconds) < 1e9 else {
      throw ValidationError("--since takes seconds, such as 12.5 or -10: not '\(text)'")
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
  /// The log without records that are not final, and all after them.
  fileprivate var upToFirstOpen: KernelLog {
    var log = self
    log.records = Array(records.prefix(while: \.isFinal))
    log.unwritten = 0
    return log
  }

  /// What the records do not say.
  var remarks: [String] {
    var remarks: [String] = []
    if overwritten > 0 {
      let subject = overwritten == 1 ? "a record was" : "\(overwritten) records were"
      remarks.append("\(subject) overwritten by the kernel between two looks, and not seen")
    }
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
