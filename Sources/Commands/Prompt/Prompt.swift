import Glibc
import GuestScopeBytes
import GuestScopeGuestMemory
import LineEditing

/// The prompt: reads lines from a terminal and runs them over one session.
///
/// The guest runs between commands. Ctrl-C ends a command, Ctrl-D the session.
final class Prompt {
  private let shell: Shell
  /// A stub that was there once is looked for again; any other address is left alone.
  private var wasConnected = false
  /// Its port was seen open. One that never was may be forwarded, and seem closed for ever.
  private var wasOpen = false
  private var nextTry = ContinuousClock.now
  private var session: Session { shell.session }
  private var console: Console { shell.console }

  init(_ shell: Shell) { self.shell = shell }

  /// Returns the exit status of the program.
  func run() -> Int32 {
    let interrupts = session.interrupts
    interrupts.beginPrompt()
    console.prefix = ""
    let history = LineEditing.History(path: Self.historyPath)
    shell.history = { history.lines }
    let completer = PromptCompleter(session: session)
    let editor = LineEditor(wake: interrupts.wake, completer: completer.completion)
    greet()
    while !shell.hasEnded {
      interrupts.clear()
      // Soon after a connection was made: its QEMU may end before anybody looks again.
      if !wasOpen { _ = isOpen() }
      console.isEditing = true
      interrupts.isEditing = true
      let event = editor.readLine(prompt: text, tick: tick)
      console.isEditing = false
      interrupts.isEditing = false
      switch event {
      case .end: shell.hasEnded = true
      case .hungUp: return 128 + SIGHUP
      case .interrupted: break
      case .line(let text): run(text, history)
      }
    }
    return Status.answered
  }

  /// Runs what was typed, or pasted: readline takes several lines that are pasted for one.
  private func run(_ text: String, _ history: LineEditing.History) {
    for line in text.split(whereSeparator: \.isNewline) where !shell.hasEnded {
      history.add(String(line))
      guard shell.run(line: String(line)) != Status.interrupted else {
        console.note("interrupted")
        return
      }
    }
  }

  /// `$XDG_STATE_HOME/guestscope/history` (XDG Base Directory Specification); nil without a home.
  private static var historyPath: String? {
    let state = environment("XDG_STATE_HOME")
    if state.hasPrefix("/") { return state + "/guestscope/history" }
    let home = environment("HOME")
    return home.hasPrefix("/") ? home + "/.local/state/guestscope/history" : nil
  }

  private func greet() {
    do {
      let kernel = try session.kernel
      let source = try session.source
      console.trace(
        "Linux \(kernel.release) at \(source.identity), "
          + "\(counted(source.cpus.count, "CPU")), \(session.runState)")
    } catch {
      _ = shell.report(error)
    }
    let runs = session.connection?.source.runState == .running && !session.isHeld
    console.trace(
      "help lists the commands, Tab completes, Ctrl-D leaves"
        + (runs ? "; the guest runs meanwhile" : ""))
  }

  // MARK: The state of the session

  private var text: String {
    let state = session.isHeld ? " (held)" : session.isConnected ? "" : " (no guest)"
    let prompt = "guestscope\(state)> "
    guard console.hasColours else { return prompt }
    // Readline must not count what takes no room.
    let paint: Paint = state.isEmpty ? .ready : .attention
    return "\u{1}\u{1b}[\(paint.rawValue)m\u{2}\(prompt)\u{1}\u{1b}[0m\u{2}"
  }

  /// What a line that is edited has no room for stands above it.
  private func tick() -> LineEditor.News? {
    let news = news()
    let lines = console.takeNotes() + (news.map { [$0.text] } ?? [])
    return lines.isEmpty ? nil : LineEditor.News(lines.joined(separator: "\n"), prompt: text)
  }

  private func isOpen() -> Bool? {
    let isOpen = session.isSourceThere
    wasOpen = wasOpen || isOpen == true
    return isOpen
  }

  /// A guest that went away or came back while nothing was typed.
  private func news() -> LineEditor.News? {
    let target = session.sourceName
    wasConnected = wasConnected || session.isConnected
    switch isOpen() {
    case false? where wasOpen && session.isConnected:
      session.disconnect()
      return LineEditor.News(
        "nothing listens at \(target) any more: its QEMU has ended, or has closed the gdbserver",
        prompt: text)
    case true? where wasConnected && !session.isConnected:
      guard ContinuousClock.now >= nextTry else { return nil }
      let start = ContinuousClock.now
      // One that another debugger holds, or that is not ready, is not back yet.
      guard (try? session.source) != nil else {
        // Where the attempt waited in vain, the prompt stood still: most of the time it must not.
        nextTry = .now + (.now - start) * 10
        return nil
      }
      return LineEditor.News("\(target) is back: \(session.runState)", prompt: text)
    default: return nil
    }
  }
}
