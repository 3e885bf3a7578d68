import ArgumentParser
import Glibc
import GuestScopeGDBStub

extension AllGuests {
  /// Nil where a command line asks one guest, or none.
  ///
  /// - Parameters:
  ///   - arguments: what `command` was made of.
  ///   - guests: those of this host.
  ///   - program: this one.
  init?(
    _ command: any ParsableCommand, _ arguments: [String], _ console: Console, program: String?,
    guests: () -> [HostGuest]
  ) throws {
    let root = command as? Root
    guard let options = root?.session ?? (command as? any SessionCommand)?.session,
      try options.address == .all, (command as? any GuestCommand)?.asksGuest ?? true,
      (command as? any ShellCommand).map({ !type(of: $0).needsSession }) ?? true
    else { return nil }
    guard let program else { throw CommandError("-c all needs the path of this program") }
    self.init(
      console: console, form: CommandWords.form(of: arguments) ?? .screen, guests: guests(),
      program: program, arguments: arguments)
    isLive =
      command is WatchCommand || command is ProgWatch
      || (command as? any FollowingCommand)?.follows == true
    isBatch = root != nil
    guard let batch = root?.session.batch else { return }
    if batch.isEmpty, isatty(STDIN_FILENO) == 1 {
      throw UsageError("the prompt is for one guest: name it with -c; guestscope guests lists them")
    }
    guard batch.isEmpty || batch.file == "-" else { return }
    input = String(decoding: try OpenFile(path: "-").rest("standard input"), as: UTF8.self)
  }
}
