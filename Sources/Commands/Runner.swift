import ArgumentParser

/// Runs commands in a session and prints their answers.
struct Runner {
  let session: Session
  let console: Console

  /// Runs one line of a batch.
  ///
  /// - Parameter output: the form of answers where the line does not say.
  func run(line: String, output: OutputOptions) -> Int32 {
    do {
      let words = try Words.split(line)
      guard !words.isEmpty else { return Status.answered }
      let command = try Root.parseAsRoot(words)
      guard let command = command as? any GuestCommand else { throw CleanExit.helpRequest(command) }
      return run(command, output: output)
    } catch let error as UsageError {
      console.note("\(error)")
      return Status.usage
    } catch {
      return console.report(error)
    }
  }

  /// Returns the exit status that the command asks for.
  func run(_ command: any GuestCommand, output: OutputOptions = OutputOptions()) -> Int32 {
    defer {
      if session.options.stats { console.trace("stats: \(session.takeStatistics())") }
    }
    do {
      let answer = try command.answer(in: session)
      try console.answer(text(answer, command.output.or(output)))
      for line in answer.missing { console.note(line) }
      return answer.missing.isEmpty ? Status.answered : Status.partial
    } catch is BrokenPipe {
      return Status.brokenPipe
    } catch let error as UsageError {
      console.note("\(error)")
      return Status.usage
    } catch {
      console.note("\(error)")
      return Status.failed
    }
  }

  private func text(_ answer: Answer, _ output: OutputOptions) -> String {
    if output.json || output.pretty {
      return answer.document.text(pretty: output.pretty) + "\n"
    }
    return answer.screen.lines.map { $0 + "\n" }.joined()
  }
}

extension OutputOptions {
  /// These options, or, where they say nothing, others.
  func or(_ other: OutputOptions) -> OutputOptions { json || pretty ? self : other }
}
