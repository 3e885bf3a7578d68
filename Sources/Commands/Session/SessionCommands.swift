import ArgumentParser

/// `hold`: stops the guest until `resume`.
struct Hold: RunStateCommand {
  static let configuration = CommandConfiguration(
    commandName: "hold", abstract: "Stop the guest until resume, or until the session ends.",
    discussion: """
      All answers in between are of one instant. However the session ends, by quit, Ctrl-D, an \
      error, a signal or a kill -9, the guest goes on. With --no-guardian a kill -9 leaves it \
      stopped: type cont in QEMU's monitor, or attach gdb and continue. While Ctrl-Z suspends this \
      program the guest stays held.
      """)

  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  func answer(in session: Session) throws -> Answer {
    guard session.isShared else {
      throw UsageError("hold works in a session: at the prompt, in -e or in -f")
    }
    let source = try session.source
    if source.runState == .running { try source.hold() }
    return .runState(session)
  }
}

/// `resume`: ends a `hold`.
struct Resume: RunStateCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Let a guest that hold stopped run again.",
    discussion: "A guest that somebody else has stopped stays stopped.")

  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  func answer(in session: Session) throws -> Answer {
    guard session.isHeld else { throw CommandError("the guest is not held: hold stops it") }
    try session.source.release()
    return .runState(session)
  }
}

extension Answer {
  fileprivate static func runState(_ session: Session) -> Answer {
    let state = session.runState
    return Answer(["run_state": .string(state)], .lines(["the guest is \(state)"]))
  }
}

/// `source FILE`: runs a script.
struct Source: ShellCommand {
  static let configuration = CommandConfiguration(
    commandName: "source", abstract: "Run the commands of a file, up to the first that fails.")

  @Argument(help: "A script: a command a line, # begins a comment.", completion: .file())
  var file: String
  @OptionGroup var failure: FailureOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static func nextWord(after words: [String]) -> [WordKind] { words.isEmpty ? [.file] : [] }

  func run(in shell: Shell) throws -> Int32 {
    let outer = shell.output
    shell.output = output.or(outer)
    defer { shell.output = outer }
    return shell.run(
      try Script(path: file.expandingHome), keepsGoing: failure.keepGoing || shell.keepsGoing)
  }
}

extension String {
  /// `~/…` as a shell reads it, and as Tab completes it.
  var expandingHome: String {
    hasPrefix("~/") ? environment("HOME") + dropFirst() : self
  }
}

/// `history`: what was typed.
struct History: ShellCommand {
  static let configuration = CommandConfiguration(
    commandName: "history", abstract: "The lines that were typed at the prompt.",
    discussion: """
      Kept between sessions in $XDG_STATE_HOME/guestscope/history (~/.local/state without it).
      """)

  @Argument(help: ArgumentHelp("Only this many of the last lines.", valueName: "count"))
  var count: Int?
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  func validate() throws {
    if let count, count < 1 { throw ValidationError("the number of lines must be 1 or more") }
  }

  func run(in shell: Shell) throws -> Int32 {
    guard let lines = shell.history?() else {
      throw UsageError("history is for the prompt: nothing was typed here")
    }
    let numbered = lines.enumerated().suffix(count ?? lines.count)
    let width = "\(lines.count)".count
    try shell.show(
      Answer(
        .array(numbered.map { .string($0.element) }),
        .lines(
          numbered.map { index, line in
            let number = "\(index + 1)"
            return String(repeating: " ", count: width - number.count) + "\(number)  \(line)"
          })),
      output.or(shell.output).form)
    return Status.answered
  }
}

/// `quit`: ends the session.
struct Quit: ShellCommand {
  static let configuration = CommandConfiguration(
    commandName: "quit", abstract: "End the session.", aliases: ["exit"])

  @OptionGroup(visibility: .hidden) var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  func run(in shell: Shell) throws -> Int32 {
    shell.hasEnded = true
    return Status.answered
  }
}
