import Glibc

/// Keeps an answer until it is longer than the terminal, and then starts a program that shows it page
/// by page.
final class Pager {
  /// A terminal's size, and what `$PAGER` says.
  private let size: TerminalSize
  private let command: String
  private var held = ""
  private var rows = 0
  private(set) var process: ShellProcess?

  /// Nil where answers are not paged: what is written to is not a terminal, `$PAGER` is empty or
  /// `cat`, or there is neither `$PAGER` nor less(1).
  init?(for descriptor: Int32) {
    guard let size = TerminalSize(of: descriptor), size.rows > 1, environment("TERM") != "dumb",
      let command = Self.command
    else { return nil }
    (self.size, self.command) = (size, command)
  }

  private static var command: String? {
    guard let pager = unsafe getenv("PAGER") else {
      return Self.isInstalled("less") ? "less -FRX" : nil
    }
    let command = unsafe String(cString: pager)
    return command.isEmpty || command == "cat" ? nil : command
  }

  private static func isInstalled(_ program: String) -> Bool {
    environment("PATH").split(separator: ":").contains { access("\($0)/\(program)", X_OK) == 0 }
  }

  /// Takes text of the answer.
  ///
  /// - Returns: what is to be written to the pager now; nil as long as all has room on the terminal.
  func take(_ text: String) throws(CommandError) -> String? {
    if process != nil { return text }
    held += text
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
      rows += max(1, (line.count + size.columns - 1) / size.columns)
      if rows >= size.rows { break }
    }
    // The last row is the prompt's.
    guard rows >= size.rows || held.utf8.count > size.rows * size.columns * 8 else { return nil }
    process = try ShellProcess(command, isFed: true)
    return takeHeld()
  }

  /// What there was room for.
  func takeHeld() -> String {
    defer { held = "" }
    return held
  }

  /// Waits until the user has read enough.
  ///
  /// - Returns: why nothing was to be read; nil where all is well.
  func end() -> String? {
    guard let status = process?.wait(), ShellProcess.couldNotRun.contains(status) else {
      return nil
    }
    return "the shell cannot run '\(command)': set PAGER to a program that shows text, or to cat"
  }
}
