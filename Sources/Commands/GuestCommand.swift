import ArgumentParser

/// A command whose answer says whether the guest runs, and why not.
protocol RunStateCommand: GuestCommand {}

/// A command that works in a session. The options of the session stand before or after it.
protocol SessionCommand: CompletedCommand {
  var session: SessionOptions { get }
  var output: OutputOptions { get }
}

/// A command that asks the guest.
protocol GuestCommand: SessionCommand {
  /// False where the answer is the same whichever guest is named.
  var asksGuest: Bool { get }
  /// Finds the answer out.
  func answer(in session: Session) throws -> Answer
}

extension GuestCommand {
  var asksGuest: Bool { true }
}

/// A command that can go on answering, until Ctrl-C ends it.
protocol FollowingCommand: GuestCommand {
  /// It is to go on.
  var follows: Bool { get }

  /// - Parameter show: prints a piece of the answer as soon as it is there: of a document that is a list,
  ///   each element on a line of its own.
  func follow(in session: Session, _ show: (Answer) throws -> Void) throws
}

/// A command whose answer may be too large to hold: it is written while the guest is read.
protocol StreamedCommand: GuestCommand {
  /// - Throws: before anything is written, when there is no answer.
  func answer(in session: Session, to stream: any AnswerStream) throws -> Answer.Notes
}

extension StreamedCommand {
  func answer(in session: Session) throws -> Answer {
    let collected = CollectedAnswer()
    let notes = try answer(in: session, to: collected)
    return Answer(
      collected.document, .lines(collected.lines), missing: notes.missing, remarks: notes.remarks)
  }
}

/// A mistake in the words of a command that the parser does not know of: exit status 64.
struct UsageError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}
