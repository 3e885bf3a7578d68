import ArgumentParser
import GDBStub
import GuestMemory
import LinuxKernel

/// Runs commands over one session and prints their answers: the one command of a command line,
/// the lines of a batch, or those typed at the prompt.
final class Shell {
  let session: Session
  let console: Console
  /// The form of answers where a line does not say.
  var output: OutputOptions
  /// `quit` was said.
  var hasEnded = false
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

  /// Runs one line; returns the exit status that it asks for.
  func run(line: String) -> Int32 {
    do {
      let words = try Words.split(line)
      guard !words.isEmpty else { return Status.answered }
      if words == ["help"] || words == ["?"] {
        try console.answer(Root.commandList)
        return Status.answered
      }
      return try run(Root.parse(words: words))
    } catch {
      return report(error)
    }
  }

  func run(_ command: any ParsableCommand) throws -> Int32 {
    switch command {
    case let command as any ShellCommand:
      try session.admit(command.session)
      return try command.run(in: self)
    case let command as any GuestCommand:
      try session.admit(command.session)
      return answer(command)
    case is Root: throw UsageError("options, and no command behind them: help lists the commands")
    default: throw CleanExit.helpRequest(command)
    }
  }

  private func answer(_ command: any GuestCommand) -> Int32 {
    session.beginCommand()
    defer {
      console.clearStatus()
      if session.options.stats || command.session.stats {
        console.trace("stats: \(session.takeStatistics())")
      }
    }
      session.endCommand()
    do {
      let answer = try command.answer(in: session)
      try show(answer, form)
      for line in answer.missing + answer.remarks { console.note(line) }
      return answer.missing.isEmpty ? Status.answered : Status.partial
    } catch {
      return report(error)
    }
  }

  /// Prints an answer.
  ///
  /// - Parameter options: of its line.
  func show(_ answer: Answer, _ options: OutputOptions) throws {
    let output = options.or(output)
    var text = ""
    if output.json || output.pretty {
      text = answer.document.text(pretty: output.pretty) + "\n"
    } else {
      for line in answer.screen.lines { text += line + "\n" }
    }
    try console.answer(text)
  }

  /// Says why there is no answer; returns the exit status for it.
  func report(_ error: any Error) -> Int32 {
    switch error {
    case is BrokenPipe: return Status.brokenPipe
    case is Cancelled: return Status.interrupted
    case let error as UsageError:
      console.note("\(error)")
      return Status.usage
    case let error as any GuestFailure:
      let kind = error.sourceKind
      if kind == .interrupted { return Status.interrupted }
      console.note("\(error)")
      // A stub that comes back may serve another machine: nothing that was learnt holds.
      if let kind, [.unreachable, .lost].contains(kind) { session.disconnect() }
      return Status.failed
    case let error as CommandError:
      console.note("\(error)")
      return Status.failed
    default: return console.report(error, showsUsage: depth == 0 && history != nil)
    }
  }
}

/// A command that works on the session itself, and has no answer of its own.
protocol ShellCommand: ParsableCommand, CompletedCommand {
  var session: SessionOptions { get }

  func run(in shell: Shell) throws -> Int32
}

/// An error that may come from the source of guest memory.
protocol GuestFailure: Error {
  var sourceKind: GuestMemError.Kind? { get }
}

extension GuestFailure {
  /// True when nobody answers, or the user ended the wait.
  var isOfConnection: Bool {
    sourceKind.map { [.unreachable, .silent, .busy, .lost, .interrupted].contains($0) } ?? false
  }
}

extension GuestMemError: GuestFailure {
  var sourceKind: Kind? { kind }
}

extension SnapshotError: GuestFailure {
  var sourceKind: GuestMemError.Kind? {
    if case .source(let error) = self { error.kind } else { nil }
  }
}

extension KernelError: GuestFailure {
  var sourceKind: GuestMemError.Kind? {
    if case .snapshot(let error) = self { error.sourceKind } else { nil }
  }
}

extension OutputOptions {
  /// These options, or, where they say nothing, others.
  func or(_ other: OutputOptions) -> OutputOptions { json || pretty ? self : other }
}

extension Console {
  /// Prints what a parser has to say, a request for help included; returns the exit status.
  ///
  /// - Parameter showsUsage: who typed the line is shown how it should have been.
  func report(_ error: any Error, showsUsage: Bool = false) -> Int32 {
    let status = Root.exitCode(for: error).rawValue
    guard status == 0 else {
      note(Root.message(for: error))
      let usage = "Usage: guestscope "
      let full = Root.fullMessage(for: error).split(separator: "\n")
      // That of all commands together would tell nothing.
      let ofAll = usage + "<options>"
      if showsUsage, let line = full.first(where: { $0.hasPrefix(usage) && !$0.hasPrefix(ofAll) }) {
        trace("usage: " + line.dropFirst(usage.count))
      }
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
}
