import ArgumentParser
import GDBStub

/// The exit statuses of the program, a contract with scripts.
enum Status {
  static let answered: Int32 = 0
  static let failed: Int32 = 1
  static let partial: Int32 = 2
  static let usage: Int32 = 64
  static let brokenPipe: Int32 = 128 + 13
}

/// The program: one command or a batch of them, then exit.
public enum CommandLineTool {
  /// Runs the program and returns its exit status.
  ///
  /// - Parameter debt: what a signal path pays before the program ends.
  public static func run(_ arguments: [String], debt: ResumeDebt) -> Int32 {
    let console = Console()
    do {
      let command = try Root.parseAsRoot(arguments)
      if let root = command as? Root, !root.commands.isEmpty {
        return batch(root, Session(root.session, console: console, debt: debt), console)
      }
      guard let command = command as? any GuestCommand else { throw CleanExit.helpRequest(command) }
      let session = Session(command.session, console: console, debt: debt)
      return session.closing(Runner(session: session, console: console).run(command))
    } catch {
      return console.report(error)
    }
  }

  private static func batch(_ root: Root, _ session: Session, _ console: Console) -> Int32 {
    let runner = Runner(session: session, console: console)
    for (index, line) in root.commands.enumerated() {
      let status = runner.run(line: line, output: root.output)
      guard status == Status.answered else {
        console.trace("-e:\(index + 1): ended with status \(status)")
        return session.closing(status)
      }
    }
    return session.closing(Status.answered)
  }
}

extension Session {
  /// Lets the guest go on that was held; a failure to is worse than any other status.
  func closing(_ status: Int32) -> Int32 {
    do {
      try close()
      return status
    } catch {
      console.note("\(error)")
      return Status.failed
    }
  }
}

extension Console {
  /// Prints what a parser has to say, a request for help included; returns the exit status.
  func report(_ error: any Error) -> Int32 {
    let text = Root.fullMessage(for: error)
    let status = Root.exitCode(for: error).rawValue
    guard status == 0 else {
      trace(text)
      return status
    }
    try? answer(text + "\n")
    return Status.answered
  }
}
