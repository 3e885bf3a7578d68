import FoundationEssentials
import Glibc

/// Takes samples of a command's answer at a steady pace, and shows each.
final class Watcher {
  private let command: any GuestCommand
  private let pace: WatchPace
  private let shell: Shell
  private let form: OutputForm
  private let table: WatchTable
  private let clock = ContinuousClock()
  /// Samples that were taken, and how long the guest stood still for them.
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

  /// Runs until Ctrl-C, or until there are as many samples as were asked for.
  ///
  /// - Returns: the exit status: 2 where a sample lacked something.
  func run() -> Int32 {
    defer {
      shell.session.endCommand()
      if let reason = shell.session.takeStopReason() { shell.console.note(reason) }
    }
    do { return try watch() } catch { return shell.report(error, form) }
  }

  private func watch() throws -> Int32 {
    var status = Status.answered
    let isPage = shell.console.isTerminal && form == .screen && pace.openmetrics != "-"
    let start = clock.now
    while true {
      let sample = try take()
      if !sample.notes.missing.isEmpty { status = Status.partial }
      try show(sample, isPage: isPage, since: start)
      previous = sample
      samples += 1
      if let count = pace.count, samples >= count { return status }
      // At a steady pace: a sample that is late does not delay those after it.
      try shell.session.rest(until: max(start + .seconds(pace.seconds) * samples, clock.now))
    }
  }

  private func take() throws -> WatchSample {
    let session = shell.session
    session.beginCommand()
    _ = session.takeStatistics()
    let answer = try command.answer(in: session)
    let cost = session.takeStatistics()
    if session.options.stats { shell.console.trace("stats: \(cost)") }
    pause += cost.stops.total
    // Where nothing of the guest was read, the answer is of now.
    let time = cost.time == 0 ? Date().timeIntervalSince1970 : Double(cost.time) / 1e9
    return WatchSample(
      values: AnswerValues(answer.document), time: time, cost: cost, notes: answer.notes)
  }

  // MARK: Output

  private func show(_ sample: WatchSample, isPage: Bool, since start: ContinuousClock.Instant)
    throws
  {
    let console = shell.console
    if let file = pace.openmetrics {
      let text = OpenMetrics(sample).text
      if file == "-" { return try console.answer(text) }
      try writeFile(file, text, .atomic)
    }
    guard form == .screen else {
      return try console.answer(sample.json(after: previous).text(pretty: form == .pretty) + "\n")
    }
    let objects = sample.objects(after: previous)
    let page = Page()
    let style = isPage ? page.style : .plain
    let lines = table.lines(objects, isFirst: previous == nil, style)
    guard isPage else {
      for line in sample.notes.missing { console.note(line, .damaged) }
      return try console.answer(lines.map { $0 + "\n" }.joined())
    }
    let seconds = (clock.now - start) / .seconds(1)
    let head =
      "sample \(samples + 1), every \(pace.seconds) s; the guest was stopped for "
      + "\(fixed(sample.cost.stops.total.milliseconds, 1)) ms, "
      + "\(fixed(pause.milliseconds, 1)) ms in \(fixed(seconds, 1)) s"
    try console.answer(
      page.text(
        [page.cut(head), ""] + lines
          + sample.notes.missing.map { style.paint(page.cut($0), .damaged) }))
  }
}

extension Session {
  /// Waits between two samples.
  ///
  /// - Throws: `Cancelled` after Ctrl-C.
  func rest(until end: ContinuousClock.Instant) throws {
    let clock = ContinuousClock()
    while clock.now < end, !interrupts.isCancelled {
      usleep(UInt32(min((end - clock.now).milliseconds * 1000, 50_000)))
    }
    if interrupts.isCancelled { throw Cancelled() }
  }
}

/// All of a terminal. Nothing needs to be undone at the end: whatever ends the program, the terminal
/// is as before, and shows the last page.
private struct Page {
  private let size: TerminalSize

  init() {
    let size = TerminalSize(of: STDOUT_FILENO)
    self.size = size.flatMap { $0.rows > 1 ? $0 : nil } ?? TerminalSize(rows: 24, columns: 80)
  }

  var style: ScreenStyle {
    ScreenStyle(width: size.columns, hasColours: Paint.isWanted(on: STDOUT_FILENO))
  }

  func cut(_ line: String) -> String { String(line.printable.prefix(size.columns)) }

  /// Lines that have their width, in place of those before. What is overwritten, and not cleared
  /// first, does not flicker.
  func text(_ lines: [String]) -> String {
    // The last row is the cursor's.
    let shown = lines.prefix(size.rows - 1).map { $0 + "\u{1b}[K\n" }
    return "\u{1b}[H" + shown.joined() + "\u{1b}[J"
  }
}
