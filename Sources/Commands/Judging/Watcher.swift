import Glibc

/// Takes samples of a command's answer at a steady pace, and shows each.
final class Watcher {
  private let command: any GuestCommand
  private let pace: WatchPace
  private let shell: Shell
  private let form: OutputForm
  private let table: WatchTable
  private let clock = ContinuousClock()
  /// Samples that were taken, how long the guest stood still for them, and since when.
  private var samples = 0
  private var pause: Duration = .zero
  private var previous: WatchSample?

  init(
    _ command: any GuestCommand, _ pace: WatchPace, _ shell: Shell, _ form: OutputForm,
    _ table: WatchTable.Kind
  ) {
    (self.command, self.pace, self.shell, self.form) = (command, pace, shell, form)
    self.table = WatchTable(table)
  }

  /// - Returns: the exit status: that of a sample in part is its own.
  func run() throws -> Int32 {
    var status = Status.answered
    let screen = isatty(STDOUT_FILENO) == 1 && form == .screen && pace.openmetrics != "-"
    if screen { try shell.console.answer(Terminal.begin) }
    defer {
      if screen { try? shell.console.answer(Terminal.end) }
      shell.session.endCommand()
    }
    let start = clock.now
    do {
      while true {
        let sample = try take()
        if !sample.notes.missing.isEmpty { status = Status.partial }
        try show(sample, isScreen: screen, since: start)
        previous = sample
        samples += 1
        if let count = pace.count, samples >= count { return status }
        // At a steady pace: a sample that is late does not delay those after it.
        let tick = Duration.seconds(pace.seconds)
        var next = start + tick * samples
        if next < clock.now { next = clock.now }
        try rest(until: next)
      }
    } catch let error as any GuestFailure where error.sourceKind == .interrupted {
      return Status.interrupted
    }
  }

  private func take() throws -> WatchSample {
    let session = shell.session
    session.beginCommand()
    _ = session.takeStatistics()
    let answer = try command.answer(in: session)
    let cost = session.takeStatistics()
    pause += cost.stops.total
    let time = cost.time == 0 ? Self.now : Double(cost.time) / 1e9
    return WatchSample(
      values: AnswerValues(answer.document), time: time, cost: cost, notes: answer.notes)
  }

  private static var now: Double {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// Ctrl-C ends it.
  private func rest(until end: ContinuousClock.Instant) throws {
    while clock.now < end {
      if shell.session.interrupts.isCancelled { throw Cancelled() }
      usleep(UInt32(min((end - clock.now).milliseconds * 1000, 50_000)))
    }
    if shell.session.interrupts.isCancelled { throw Cancelled() }
  }

  // MARK: Output

  private func show(_ sample: WatchSample, isScreen: Bool, since start: ContinuousClock.Instant)
    throws
  {
    let console = shell.console
    if let file = pace.openmetrics {
      let text = OpenMetrics(sample).text
      if file == "-" { return try console.answer(text) }
      try writeAtomically(text, to: file)
    }
    guard form == .screen else {
      return try console.answer(sample.json(after: previous).text(pretty: form == .pretty) + "\n")
    }
    let objects = sample.objects(after: previous)
    let lines = table.lines(objects, isFirst: previous == nil)
    guard isScreen else {
      for line in sample.notes.missing { console.note(line) }
      return try console.answer(lines.map { $0 + "\n" }.joined())
    }
    let seconds = (clock.now - start) / .seconds(1)
    let head =
      "every \(fixed(pace.seconds, pace.seconds < 1 ? 3 : 1)) s  samples \(samples + 1)  "
      + "the guest stood still for \(fixed(pause.milliseconds, 1)) ms in \(fixed(seconds, 1)) s, "
      + "\(fixed(cost(sample), 2)) ms of it for this sample"
    try console.answer(Terminal.page([head, ""] + lines + sample.notes.missing))
  }

  private func cost(_ sample: WatchSample) -> Double { sample.cost.stops.total.milliseconds }
}

/// What a terminal understands.
private enum Terminal {
  /// The alternate screen, without a cursor: what was there before comes back.
  static let begin = "\u{1b}[?1049h\u{1b}[?25l"
  static let end = "\u{1b}[?25h\u{1b}[?1049l"

  /// Lines in place of those before. What is overwritten, and not cleared first, does not flicker.
  static func page(_ lines: [String]) -> String {
    var size = winsize()
    let isKnown = unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_row > 0
    let (rows, columns) = isKnown ? (Int(size.ws_row), Int(size.ws_col)) : (24, 80)
    let shown = lines.prefix(rows).map { String($0.printable.prefix(columns)) + "\u{1b}[K" }
    return "\u{1b}[H" + shown.joined(separator: "\r\n") + "\u{1b}[J"
  }
}

/// Replaces a file as a whole: whoever reads it meanwhile sees the old or the new one.
private func writeAtomically(_ text: String, to path: String) throws {
  let part = path + ".part"
  func failure() -> CommandError { CommandError("cannot write \(path): \(systemError())") }
  let file = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
  guard file >= 0 else { throw failure() }
  var rest = Array(text.utf8)[...]
  while !rest.isEmpty {
    let count = unsafe rest.withUnsafeBytes { unsafe write(file, $0.baseAddress, $0.count) }
    if count < 0, errno == EINTR { continue }
    guard count > 0 else {
      defer {
        close(file)
        unlink(part)
      }
      throw failure()
    }
    rest = rest.dropFirst(count)
  }
  close(file)
  guard rename(part, path) == 0 else { throw failure() }
}
