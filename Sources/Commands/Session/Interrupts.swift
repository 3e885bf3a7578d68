import Glibc
import GuestScopeBytes
import Synchronization

/// Signals as a session sees them. One thread of the executable takes them all and passes them on.
package final class Interrupts: Sendable {
  /// Readable after a signal that the prompt acts on; a byte a signal, its number.
  let wake: Int32
  private let wakeEnd: Int32
  /// At a prompt Ctrl-C ends the command, not the program.
  private let hasPrompt = Atomic<Bool>(false)
  private let cancelled = Atomic<Bool>(false)
  /// The running command has something to show when it is cancelled.
  private let cancelling = Atomic<Bool>(false)
  private let editing = Atomic<Bool>(false)
  private let holding = Atomic<Bool>(false)
  /// What the terminal was like before we changed it.
  private let terminal = Locked<termios?>(nil)

  package init() {
    var ends: [Int32] = [-1, -1]
    _ = unsafe pipe(&ends)
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    (wake, wakeEnd) = (ends[0], ends[1])
  }

  deinit {
    close(wake)
    close(wakeEnd)
  }

  /// Takes a signal; false for one that ends the program.
  package func take(_ number: Int32) -> Bool {
    // The second one ends the program.
    if number == SIGINT, cancelling.load(ordering: .acquiring), !isCancelled {
      cancelled.store(true, ordering: .releasing)
      return true
    }
    let isPromptSignal = [SIGWINCH, SIGCONT].contains(number)
    guard hasPrompt.load(ordering: .acquiring) else { return isPromptSignal }
    guard number == SIGINT || isPromptSignal else { return false }
    if number == SIGINT { cancelled.store(true, ordering: .releasing) }
    var byte = UInt8(truncatingIfNeeded: number)
    _ = unsafe write(wakeEnd, &byte, 1)
    return true
  }

  /// The terminal as the user's shell had it; for the path that ends the program.
  package func restoreTerminal() {
    // In the background (Ctrl-Z, then `kill %1`) it is the shell's, and a try would stop the program
    // instead of ending it (SIGTTOU).
    guard tcgetpgrp(STDIN_FILENO) == getpgrp() else { return }
    if isEditing {
      // Readline had the terminal mark what is pasted. One that takes nothing now must not keep us.
      let end = (environment("TERM") == "dumb" ? "" : "\u{1b}[?2004l") + "\r\n"
      var output = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
      if unsafe poll(&output, 1, 0) == 1 { _ = unsafe write(STDOUT_FILENO, end, end.utf8.count) }
    }
    terminal.withLock { saved in
      if var saved { _ = unsafe tcsetattr(STDIN_FILENO, TCSANOW, &saved) }
    }
  }

  /// True when the running command must end.
  var isCancelled: Bool { cancelled.load(ordering: .acquiring) }

  /// True when what is being written must end: nobody finishes it by `withCancelling`.
  var endsAnswers: Bool { isCancelled && !cancelling.load(ordering: .acquiring) }

  /// Ctrl-C cancels the work, whose caller shows what there is of it, and does not end the program.
  /// Inside of other such work, it cancels that, too.
  func withCancelling<T>(_ work: () throws -> T) rethrows -> T {
    let isInner = cancelling.exchange(true, ordering: .acquiringAndReleasing)
    defer {
      if !isInner {
        cancelling.store(false, ordering: .releasing)
        clear()
      }
    }
    return try work()
  }

  /// A line is being edited.
  var isEditing: Bool {
    get { editing.load(ordering: .acquiring) }
    set { editing.store(newValue, ordering: .releasing) }
  }

  /// The guest is held because the user wants it so, for as long as he likes.
  package var isHolding: Bool {
    get { holding.load(ordering: .acquiring) }
    set { holding.store(newValue, ordering: .releasing) }
  }

  /// From now on Ctrl-C cancels commands.
  func beginPrompt() {
    saveTerminal()
    hasPrompt.store(true, ordering: .releasing)
  }

  /// The terminal is to be as it is now when the program ends.
  func saveTerminal() {
    var saved = termios()
    if unsafe tcgetattr(STDIN_FILENO, &saved) == 0 { terminal.withLock { $0 = saved } }
  }

  /// A new command begins: signals that came before do not concern it.
  func clear() {
    cancelled.store(false, ordering: .releasing)
    var bytes = [UInt8](repeating: 0, count: 64)
    while unsafe read(wake, &bytes, bytes.count) > 0 {}
  }
}
