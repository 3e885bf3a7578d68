import Glibc

/// Lines: several commands, and answers that go elsewhere than to the screen.
extension Shell {
  /// Runs one line; returns the exit status that it asks for.
  func run(line: String) -> Int32 {
    var worst = Status.answered
    do {
      for command in try LineCommand.all(in: line) where !hasEnded {
        hasRun = true
        worst = Status.worse(worst, try run(command))
        // What is typed goes on after a `;` as in a shell; a script ends where it fails.
        let goesOn = worst <= 128 && (isTyped || keepsGoing)
        if worst != Status.answered, !goesOn { break }
      }
    } catch {
      worst = Status.worse(worst, report(error, output.form))
    }
    return worst
  }

  private func run(_ command: LineCommand) throws -> Int32 {
    if console.guest != nil, !command.isPlain {
      throw UsageError(
        "with -c all a line of a batch can be neither piped nor redirected: do so with the output of "
          + "guestscope itself")
    }
    switch command {
    case .answer(let words, .screen): return run(words: words)
    case .answer(let words, .file(let path, let appends)):
      return try write(words, to: path.expandingHome, appends: appends)
    case .answer(let words, .shell(let command)):
      let process = try ShellProcess(command, isFed: true)
      let status = console.redirecting(to: process.input) { run(words: words) }
      let end = after(process, command)
      // A command that stops reading, as head(1) does, has not failed.
      return status == Status.brokenPipe ? end : Status.worse(status, end)
    case .shell(let command): return after(try ShellProcess(command, isFed: false), command)
    }
  }

  /// Waits for the end of a shell command. Its failure counts in a script; at the prompt the user has seen
  /// it.
  private func after(_ process: ShellProcess, _ command: String) -> Int32 {
    let status = process.wait()
    // A Ctrl-C was for that command, and not for the next one of the line.
    if isTyped { session.interrupts.clear() }
    guard status != 0, !isTyped else { return Status.answered }
    console.note("'\(command)' has ended with status \(status)")
    return Status.failed
  }

  private func write(_ words: [String], to path: String, appends: Bool) throws -> Int32 {
    let flags = O_WRONLY | O_CREAT | O_CLOEXEC | (appends ? O_APPEND : O_TRUNC)
    let file = open(path, flags, 0o666)
    guard file >= 0 else { throw CommandError("cannot write \(path): \(systemError())") }
    defer { close(file) }
    return console.redirecting(to: file) { run(words: words) }
  }
}
