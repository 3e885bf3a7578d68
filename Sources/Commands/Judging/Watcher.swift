import FoundationEssentials
import Glibc
import GuestScopeBytes

/// Takes samples of a command's answer at a steady pace, and shows each.
final class Watcher {
  private let command: any GuestCommand
  private let pace: WatchPace
  private let shell: Shell
  private let form: OutputForm
  private let table: WatchTable
  private let identity: AnswerValues.Identity
  private let clock = ContinuousClock()
  /// Samples that were taken, and how long the guest stood still for them.
  private var samples = 0
  private var pause: Duration = .zero
  private var previous: WatchSample?
  private let page: WatchPage?

  init(
    _ command: any GuestCommand, _ pace: WatchPace, _ shell: Shell, _ form: OutputForm,
    _ table: WatchTable.Kind, by identity: AnswerValues.Identity = .name
  ) {
    (self.command, self.pace, self.shell, self.form) = (command, pace, shell, form)
    self.identity = identity
    self.table = WatchTable(table)
    page =
      shell.console.isTerminal && form == .screen && pace.openmetrics != "-"
      ? WatchPage(shell) : nil
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
    let start = clock.now
    // The first sample may take as long as it takes to find the kernel.
    var (firstEnd, turns) = (start, 0)
    var lastSample = start
    while true {
      do {
        let sample = try take()
        if !sample.notes.missing.isEmpty { status = Status.partial }
        try show(sample, since: start)
        previous = sample
        samples += 1
        lastSample = clock.now
        if samples == 1 { firstEnd = clock.now }
      } catch  where previous != nil && mayPass(error) && clock.now - lastSample < Self.patience {
        status = Status.partial
        try leaveOut(error)
      }
      if let count = pace.count, samples >= count { return status }
      turns += 1
      // At a steady pace: a sample that is late does not delay those after it.
      try rest(until: max(firstEnd + .seconds(pace.seconds) * turns, clock.now))
      if page?.isOver == true { return status }
    }
  }

  /// How long a guest may give no sample, as while it boots again.
  private static let patience: Duration = .seconds(300)

  /// Whether a later sample may succeed. What was selected may be loaded again.
  private func mayPass(_ error: any Error) -> Bool {
    (error as? any GuestFailure)?.isMomentary ?? (error as? CommandError)?.isOfSelection ?? false
  }

  private func leaveOut(_ error: any Error) throws {
    let text = "a sample was left out: \(error)"
    guard let page else { return shell.console.note(text) }
    page.notes.missing = [text]
    try page.draw()
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
      values: AnswerValues(answer.document, by: identity), time: time, cost: cost,
      notes: answer.notes)
  }

  // MARK: Output

  private func show(_ sample: WatchSample, since start: ContinuousClock.Instant) throws {
    let console = shell.console
    if let file = pace.openmetrics {
      let text = OpenMetrics(sample, guest: console.guest?.name).text
      if let one = console.guest {
        try writeFile(try one.file(file), text, .atomic)
      } else if file == "-" {
        return try console.answer(text)
      } else {
        try writeFile(file, text, .atomic)
      }
    }
    guard let page else {
      return try console.answer(sample.json(after: previous).text(pretty: form == .pretty) + "\n")
    }
    let rows = table.rows(
      sample.objects(after: previous), gone: sample.gone(since: previous),
      isFirst: previous == nil)
    let seconds = (clock.now - start) / .seconds(1)
    page.head =
      "sample \(samples + 1), every \(pace.seconds) s; the guest was stopped for "
      + "\(fixed(sample.cost.stops.total.milliseconds, 1)) ms, "
      + "\(fixed(pause.milliseconds, 1)) ms in \(fixed(seconds, 1)) s"
    (page.rows, page.notes) = (rows, sample.notes)
    try page.draw()
  }

  private func rest(until end: ContinuousClock.Instant) throws {
    guard let page else { return try shell.session.rest(until: end) }
    try shell.session.rest(until: end) { milliseconds in
      try page.wait(milliseconds)
      return page.isOver
    }
  }
}

extension Session {
  /// Waits between two samples.
  ///
  /// - Parameter pause: waits for some milliseconds; true when it is enough.
  /// - Throws: `Cancelled` after Ctrl-C.
  func rest(
    until end: ContinuousClock.Instant,
    _ pause: (Double) throws -> Bool = { milliseconds in
      sleep(for: .milliseconds(milliseconds))
      return false
    }
  ) throws {
    var left: Double
    // Once at the least: keys are read in it.
    repeat {
      left = (end - ContinuousClock.now).milliseconds
      if try pause(max(0, min(left, 50))) { break }
    } while left > 0 && !interrupts.isCancelled
    if interrupts.isCancelled { throw Cancelled() }
  }
}
