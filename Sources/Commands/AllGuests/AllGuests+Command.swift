import ArgumentParser
import Glibc
import GuestScopeGDBStub

extension ParsableCommand {
  /// It shows more and more until it is ended.
  var isEndless: Bool {
    self is WatchCommand || self is ProgWatch
      || (self as? any FollowingCommand)?.follows == true
  }
}

extension AllGuests {
  /// Nil where a command line asks one guest, or none.
  ///
  /// - Parameters:
  ///   - options: those of the environment, which each process takes by itself.
  ///   - arguments: what `command` was made of besides.
  ///   - guests: those of this host.
  ///   - program: this one.
  init?(
    _ command: any ParsableCommand, options variables: [String], _ arguments: [String],
    _ console: Console, _ interrupts: Interrupts, program: String?, guests: () -> [HostGuest]
  ) throws {
    let root = command as? Root
    guard let options = root?.session ?? (command as? any SessionCommand)?.session,
      (command as? any GuestCommand)?.asksGuest ?? true,
      (command as? any ShellCommand).map({ !type(of: $0).needsSession }) ?? true,
      // Last: a command that asks no guest need not mind a wrong name of one.
      try options.address == .all
    else { return nil }
    guard let program else { throw CommandError("-c all needs the path of this program") }
    self.init(
      console: console, form: CommandWords.form(of: variables + arguments) ?? .screen,
      guests: guests(), program: program, arguments: arguments, interrupts: interrupts)
    isLive = command.isEndless
    isBatch = root != nil
    guard let batch = root?.session.batch else { return }
    if batch.isEmpty, isatty(STDIN_FILENO) == 1 {
      throw UsageError("the prompt is for one guest: name it with -c; guestscope guests lists them")
    }
    guard batch.isEmpty || batch.file == "-" else { return }
    input = String(decoding: try OpenFile(path: "-").rest("standard input"), as: UTF8.self)
  }
}
