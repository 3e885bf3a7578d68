import Glibc
import GuestScopeBytes

/// Reads keys from the terminal on standard input as soon as they are pressed, and does not show them.
final class KeyInput {
  private var saved = termios()

  /// Nil where standard input is not a terminal.
  init?(_ interrupts: Interrupts) {
    guard unsafe tcgetattr(STDIN_FILENO, &saved) == 0 else { return nil }
    interrupts.saveTerminal()
  }

  deinit { if isOurs { _ = unsafe tcsetattr(STDIN_FILENO, TCSANOW, &saved) } }

  /// Returns the keys that were pressed. Waits for the first one for at most this many milliseconds.
  func read(within milliseconds: Double) -> [UInt8] {
    guard isOurs else {
      sleep(for: .milliseconds(milliseconds))
      return []
    }
    listen()
    var input = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    guard unsafe poll(&input, 1, Int32(milliseconds.rounded(.up))) == 1 else { return [] }
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = unsafe Glibc.read(STDIN_FILENO, &bytes, bytes.count)
    guard count > 0 else {
      // A terminal that was hung up stays readable, so wait here.
      sleep(for: .milliseconds(milliseconds))
      return []
    }
    return Array(bytes[..<count])
  }

  /// In the background the terminal is the shell's, and a try would stop the program (SIGTTOU).
  private var isOurs: Bool { tcgetpgrp(STDIN_FILENO) == getpgrp() }

  /// After Ctrl-Z and `fg` the terminal is as the shell has it.
  private func listen() {
    var now = termios()
    guard unsafe tcgetattr(STDIN_FILENO, &now) == 0 else { return }
    let unwanted = tcflag_t(ICANON | ECHO)
    guard now.c_lflag & unwanted != 0 else { return }
    now.c_lflag &= ~unwanted
    _ = unsafe tcsetattr(STDIN_FILENO, TCSANOW, &now)
  }
}
