import ArgumentParser

/// A command whose answer says whether the guest runs, and why not.
protocol RunStateCommand: GuestCommand {}

/// A command that works in a session. The options of the session stand before or after it.
protocol SessionCommand: CompletedCommand {
  var session: SessionOptions { get }
}

/// A command that asks the guest.
protocol GuestCommand: SessionCommand {
  var output: OutputOptions { get }

  /// Finds the answer out.
  func answer(in session: Session) throws -> Answer
}

/// A command that can go on answering, until Ctrl-C ends it.
protocol FollowingCommand: GuestCommand {
  /// It is to go on.
  var follows: Bool { get }

  /// - Parameter show: prints a piece of the answer as soon as it is there: of a document that is a list,
  ///   each element on a line of its own.
  func follow(in session: Session, _ show: (Answer) throws -> Void) throws
}

/// A mistake in the words of a command that only the guest's kernel could show.
struct UsageError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}
