@preconcurrency import CReadline
import Glibc

/// A prompt on a terminal: GNU readline by its callback interface, so that signals and the
/// terminal are waited for in one `poll`. Readline is one for a process: there is one editor.
public final class LineEditor {
  public enum Event: Equatable {
    case line(String)
    /// Ctrl-C: the line is given up.
    case interrupted
    /// Ctrl-D on an empty line.
    case end
    /// The terminal is gone. Its SIGHUP may come a moment later.
    case hungUp
  }

  private let input: Int32
  private let wake: Int32

  /// - Parameters:
  ///   - input, output: the terminal.
  ///   - wake: readable after a signal: a byte a signal, its number. SIGINT gives the line up,
  ///     SIGWINCH and SIGCONT redraw it.
  ///   - completer: asked when Tab is pressed.
  public init(
    input: Int32 = STDIN_FILENO, output: Int32 = STDOUT_FILENO, wake: Int32,
    completer: @escaping Completer
  ) {
    self.input = input
    self.wake = wake
    if input != STDIN_FILENO { unsafe rl_instream = fdopen(fcntl(input, F_DUPFD_CLOEXEC, 3), "r") }
    if output != STDOUT_FILENO {
      unsafe rl_outstream = fdopen(fcntl(output, F_DUPFD_CLOEXEC, 3), "w")
    }
    unsafe rl_readline_name = UnsafePointer(strdup("guestscope"))
    // Signals come through `wake`, to the one thread that may call readline.
    rl_catch_signals = 0
    rl_catch_sigwinch = 0
    // LINES and COLUMNS are the user's.
    rl_change_environment = 0
    rl_initialize()
    Completion.install(completer)
  }

  /// Something that the user should know while nothing is typed.
  public struct News {
    public var text: String
    public var prompt: String

    public init(_ text: String, prompt: String) {
      self.text = text
      self.prompt = prompt
    }
  }

  /// Waits for a line.
  ///
  /// - Parameters:
  ///   - prompt: colours in it stand between U+0001 and U+0002.
  ///   - tick: asked once a second for news.
  public func readLine(prompt: String, tick: () -> News? = { nil }) -> Event {
    unsafe received = nil
    // The window may have changed while no line was edited.
    rl_reset_screen_size()
    unsafe rl_callback_handler_install(prompt) { line in
      // Also gives the terminal back: what runs next sees it as the user's shell had it.
      rl_callback_handler_remove()
      guard let line = unsafe line else {
        unsafe received = .end
        return
      }
      unsafe received = .line(String(cString: line))
      unsafe free(line)
    }
    while true {
      var waiting = [
        pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
        pollfd(fd: input, events: Int16(POLLIN), revents: 0),
      ]
      let ready = unsafe poll(&waiting, 2, 1000)
      if ready < 0, errno == EINTR { continue }
      if ready == 0 {
        tick().map(show)
        continue
      }
      guard ready > 0 else { return giveUp(.end) }
      if waiting[0].revents != 0, takeSignal() { return giveUp(.interrupted) }
      guard waiting[1].revents != 0 else { continue }
      // Readline would take it for a Ctrl-D.
      if waiting[1].revents & Int16(POLLHUP) != 0 { return giveUp(.hungUp) }
      rl_callback_read_char()
      if let event = unsafe received {
        if event == .end { write("\n") }
        return event
      }
    }
  }

  /// Acts on one signal; true for one that gives the line up.
  private func takeSignal() -> Bool {
    var number: UInt8 = 0
    guard unsafe read(wake, &number, 1) == 1 else { return false }
    switch Int32(number) {
    case SIGINT: return true
    case SIGCONT:
      // The shell we come back from left its own modes, and readline does nothing with a terminal
      // that it takes for prepared.
      rl_deprep_terminal()
      rl_prep_terminal(1)
      rl_forced_update_display()
    default: rl_resize_terminal()
    }
    return false
  }

  /// Shows news above the line that is being edited.
  private func show(_ news: News) {
    rl_clear_visible_line()
    write(news.text + "\n")
    unsafe rl_set_prompt(news.prompt)
    rl_on_new_line()
    rl_redisplay()
  }

  /// Ends the line as it stands.
  private func giveUp(_ event: Event) -> Event {
    rl_callback_sigcleanup()
    // What follows stands below the whole line, however many rows it takes.
    rl_point = rl_end
    rl_redisplay()
    write(event == .interrupted ? "^C\n" : "\n")
    rl_free_line_state()
    unsafe rl_replace_line("", 0)
    rl_callback_handler_remove()
    return event
  }

  private func write(_ text: String) {
    unsafe fputs(text, rl_outstream)
    unsafe fflush(rl_outstream)
  }
}

/// What the handler, a C function without a context, was given.
nonisolated(unsafe) private var received: LineEditor.Event?
