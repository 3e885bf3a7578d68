import ArgumentParser
import Glibc
import GuestScopeGDBStub
import GuestScopeKernelCache

/// The program: one command, a batch of them, or the prompt.
package enum CommandLineTool {
  /// Runs the program and returns its exit status.
  ///
  /// - Parameters:
  ///   - debt: what a signal path pays before the program ends.
  ///   - guardian: the path of this program; see `StubOptions.guardian`.
  ///   - interrupts: where the signal thread puts signals that do not end the program.
  ///   - guests: those of this host, for `-c all`.
  package static func run(
    _ arguments: [String], debt: ResumeDebt, guardian: String? = nil,
    interrupts: Interrupts = Interrupts(), console: Console? = nil,
    guests: () -> [HostGuest] = { HostGuest.all() }
  ) -> Int32 {
    let console = console ?? Console(interrupts: interrupts)
    console.guest?.endWithParent()
    if let completion = ShellCompletion(arguments) {
      return completion.run(console, debt: debt, guardian: guardian, interrupts: interrupts)
    }
    do {
      if let script = try CompletionScript(arguments) {
        try console.answer(script.text)
        return Status.answered
      }
      let options = try CommandWords.options(inVariable: "GUESTSCOPE_OPTIONS")
      let command = try Root.parse(words: options + arguments)
      if console.guest == nil,
        let all = try AllGuests(
          command, options: options, arguments, console, interrupts, program: guardian,
          guests: guests)
      {
        return try all.run()
      }
      if let root = command as? Root {
        let session = Session(
          root.session, console: console, debt: debt, guardian: guardian, interrupts: interrupts,
          isShared: true, cache: KernelCache(root.session, console))
        return session.closing(
          try batch(root, Shell(session, console: console, output: root.output)))
      }
      guard let command = command as? any SessionCommand else {
        throw CleanExit.helpRequest(command)
      }
      let shellCommand = command as? any ShellCommand
      if let shellCommand, type(of: shellCommand).needsSession {
        throw UsageError("this command works in a session: at the prompt, in -e or in -f")
      }
      let session = Session(
        command.session, console: console, debt: debt, guardian: guardian, interrupts: interrupts,
        cache: KernelCache(command.session, console))
      return session.closing(
        try Shell(session, console: console, output: command.output).run(command))
    } catch {
      let variables = (try? CommandWords.options(inVariable: "GUESTSCOPE_OPTIONS")) ?? []
      return console.report(
        error, CommandWords.form(of: variables + arguments) ?? .screen,
        usage: CommandWords(arguments).usage.map { "guestscope " + $0 })
    }
  }

  private static func batch(_ root: Root, _ shell: Shell) throws -> Int32 {
    let script: Script
    let batch = root.session.batch
    if !batch.commands.isEmpty {
      script = Script(commands: batch.commands)
    } else if let file = batch.file {
      script = try Script(path: file)
    } else {
      if isatty(STDIN_FILENO) == 1 {
        if isatty(STDOUT_FILENO) == 1 { return Prompt(shell).run() }
        shell.console.note(
          "standard output is not a terminal, so there is no prompt: commands are read from standard input"
        )
      }
      script = try Script(path: "-")
    }
    let status = shell.run(script, keepsGoing: root.failure.keepGoing)
    guard shell.hasRun || status != Status.answered else {
      throw UsageError(
        "no command: give one (guestscope prog list), or several with -e or -f, or on standard "
          + "input, a line each; guestscope help lists them")
    }
    return status
  }
}

extension Session {
  /// Lets the guest go on that was held; a failure to is worse than any other status.
  func closing(_ status: Int32) -> Int32 {
    do {
      try close()
      remember()
      let rest = takeStatistics()
      // Each command has reported the part of a hold that lay before its end.
      if options.stats, rest.stops.total > .zero { console.trace("stats: end: \(rest)") }
      return status
    } catch {
      console.note("\(error)")
      return Status.failed
    }
  }
}
