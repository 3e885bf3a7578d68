import ArgumentParser
import GuestScopeGuestMemory

/// Runs commands over one session and prints their answers: the one command of a command line,
/// the lines of a batch, or those typed at the prompt.
final class Shell {
  let session: Session
  let console: Console
  /// The form of answers where a line does not say.
  var output: OutputOptions
  /// `quit` has run.
  var hasEnded = false
  /// A line had a command.
  var hasRun = false
  /// Scripts that run now: one may `source` another.
  var depth = 0
  /// The script that runs now goes on after a line that fails.
  var keepsGoing = false
  /// What was typed so far; nil where nobody types.
  var history: (() -> [String])?

  init(_ session: Session, console: Console, output: OutputOptions) {
    self.session = session
    self.console = console
    self.output = output
  }

  /// Somebody types the lines.
  var isTyped: Bool { depth == 0 && history != nil }

  /// Runs the words of one command; returns the exit status that they ask for.
  func run(words: [String]) -> Int32 {
    let isHelp = words == ["help"] || words == ["?"]
    let command: Result<(any ParsableCommand)?, any Error> = Result {
      try isHelp ? nil : Root.parse(words: words)
    }
    return paging(try? command.get()) {
      do {
        if let command = try command.get() {
          if console.guest != nil, session.isShared, command.isEndless {
            throw UsageError(
              "with -c all a command that goes on until it is ended stands alone, not in a batch")
          }
          return try run(command)
        }
        try console.answer(Root.commandList)
        return Status.answered
      } catch {
        return report(
          error, CommandWords.form(of: words) ?? output.form,
          usage: isTyped ? CommandWords(words).usage : nil)
      }
    }
  }

  /// Long answers are paged where somebody types, but for those that are shown while they come.
  private func paging(_ command: (any ParsableCommand)?, _ work: () -> Int32) -> Int32 {
    let isLive =
      command is any ShellCommand && !(command is History)
      || (command as? any FollowingCommand)?.follows == true
    guard isTyped, !isLive, !session.options.trace else { return work() }
    let status = console.paging(work)
    // A Ctrl-C in the pager was for that, and not for the next command of the line.
    if status != Status.interrupted { session.interrupts.clear() }
    return status
  }

  func run(_ command: any ParsableCommand) throws -> Int32 {
    if let command = command as? any SessionCommand { try session.admit(command.session) }
    switch command {
    case let command as any ShellCommand: return try command.run(in: self)
    case let command as any GuestCommand: return answer(command)
    case is Root: throw UsageError("the line has options but no command: help lists the commands")
    default: throw CleanExit.helpRequest(command)
    }
  }

  private func answer(_ command: any GuestCommand) -> Int32 {
    session.beginCommand()
    let form = command.output.or(output).form
    defer {
      session.endCommand()
      console.clearStatus()
      if let reason = session.takeStopReason(), !(command is any RunStateCommand) {
        console.note(reason)
      }
      if session.options.stats || command.session.stats {
        console.trace("stats: \(session.takeStatistics())")
      }
    }
    do {
      if let command = command as? any FollowingCommand, command.follows {
        try command.follow(in: session) { try show(piece: $0, form) }
        return Status.answered
      }
      let notes = try answer(command, form)
      for line in notes.missing { console.note(line, .damaged) }
      for line in notes.remarks { console.note(line) }
      return notes.missing.isEmpty ? notes.status : Status.partial
    } catch {
      return report(error, form)
    }
  }

  private func answer(
    _ command: any GuestCommand, _ form: OutputForm
  ) throws -> Answer.Notes {
    if let command = command as? any StreamedCommand {
      return try command.answer(
        in: session, to: AnswerWriter(form) { [console] in try console.answer($0) })
    }
    let answer = try command.answer(in: session)
    try show(answer, form, isWide: command.output.or(output).wide)
    return answer.notes
  }

  /// Prints an answer.
  ///
  /// - Parameter isWide: tables are not fitted to a terminal.
  func show(_ answer: Answer, _ form: OutputForm, isWide: Bool = false) throws {
    if let document = form.text(answer.document) { return try console.answer(document) }
    let drawn = answer.screen.drawn(console.style(isWide: isWide))
    try console.answer(drawn.lines.map { $0 + "\n" }.joined())
    guard !drawn.hidden.isEmpty else { return }
    console.note("no room for \(drawn.hidden.joined(separator: ", ")): --wide shows all columns")
  }

  private func show(piece: Answer, _ form: OutputForm) throws {
    if case .array(let elements) = piece.document, form != .screen {
      try console.answer(elements.compactMap(form.text).joined())
    } else {
      try show(piece, form)
    }
    for line in piece.notes.missing { console.note(line, .damaged) }
    for line in piece.notes.remarks { console.note(line) }
  }

  /// Says why there is no answer; returns the exit status for it.
  func report(
    _ error: any Error, _ form: OutputForm = .screen, usage: String? = nil
  ) -> Int32 {
    switch error {
    case is BrokenPipe: return Status.brokenPipe
    case is Cancelled: return Status.interrupted
    case let error as any GuestFailure:
      if error.sourceKind == .interrupted { return Status.interrupted }
      if error.losesGuest { session.disconnect() }
    default: break
    }
    return console.report(error, form, usage: usage)
  }
}

/// A command that works on the session itself, and has no answer of its own.
protocol ShellCommand: SessionCommand {
  /// It is of no use alone on a command line.
  static var needsSession: Bool { get }
  func run(in shell: Shell) throws -> Int32
}

extension ShellCommand {
  static var needsSession: Bool { true }
}

extension Console {
  /// Says why there is no answer, on standard error and, where a program reads, in the answer's
  /// place; prints the help that a parser was asked for. Returns the exit status.
  ///
  /// - Parameter usage: how the line should have been; shown where the parser refused it.
  func report(_ error: any Error, _ form: OutputForm, usage: String? = nil) -> Int32 {
    let (text, status, isOfParser): (String, Int32, Bool) =
      switch error {
      case is UsageError: ("\(error)", Status.usage, false)
      case is CommandError, is any GuestFailure: ("\(error)", Status.failed, false)
      default:
        (
          Self.sentence(ofParser: Root.message(for: error)), Root.exitCode(for: error).rawValue,
          true
        )
      }
    guard status == 0 else {
      if let document = form.text(["error": .string(text)]) { try? answer(document) }
      note(text)
      if isOfParser, let usage { trace("usage: " + usage) }
      return status
    }
    do {
      let text = Root.fullMessage(for: error)
      try answer(text.hasSuffix("\n") ? text : text + "\n")
      return Status.answered
    } catch {
      return Status.brokenPipe
    }
  }

  /// A sentence of ours stands for itself: the parser puts the value and the argument before it, and the
  /// sentence names them too.
  static func sentence(ofParser text: String) -> String {
    let ours = text.firstMatch(of: /^The value '.*?' is invalid for '[^']*': (?<sentence>.+)/)
    return ours.map { String($0.sentence) } ?? text
  }
}
