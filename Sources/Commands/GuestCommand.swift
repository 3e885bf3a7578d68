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

/// A mistake in the words of a command that only the guest's kernel could show.
struct UsageError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}
