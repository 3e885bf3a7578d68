import Glibc
import GuestScopeBytes

/// Draws the last sample on the whole terminal, sorted and filtered by keys. At the end the terminal shows
/// the last page.
final class WatchPage {
  private let shell: Shell
  private let keys: KeyInput?
  private var view = WatchView()
  var head = ""
  var rows = WatchRows(table: Table([]))
  /// What the answer lacks, and what else is to be known of it.
  var notes = Answer.Notes()
  private var drawnSize: TerminalSize?

  init(_ shell: Shell) {
    self.shell = shell
    keys = KeyInput(shell.session.interrupts)
  }

  /// The user has pressed `q`.
  var isOver: Bool { view.isOver }

  /// Waits so long, or until a key is pressed or the terminal has another size, and draws again.
  func wait(_ milliseconds: Double) throws {
    guard let keys else {
      sleep(for: .milliseconds(milliseconds))
      return
    }
    let pressed = keys.read(within: milliseconds)
    guard !pressed.isEmpty || size != drawnSize else { return }
    for key in pressed { view.press(key, rows.table.columns) }
    try draw()
  }

  private var size: TerminalSize {
    let known = TerminalSize(of: STDOUT_FILENO)
    return known.flatMap { $0.rows > 3 ? $0 : nil } ?? TerminalSize(rows: 24, columns: 80)
  }

  func draw() throws {
    let size = size
    drawnSize = size
    func cut(_ line: String) -> String { String(line.printable.prefix(size.columns)) }
    let style = ScreenStyle(
      width: size.columns, hasColours: Paint.isWanted(on: STDOUT_FILENO))
    let lines =
      [cut(head), ""] + rows.lines(view, style) + notes.remarks.map(cut)
      + notes.missing.map { style.paint(cut($0), .damaged) }
    let help = keys.map { _ in cut(view.help(rows.table.columns)) }
    try shell.console.answer(text(lines, help, rows: size.rows))
  }

  /// Lines that have their width, in place of those before. What is overwritten, and not cleared
  /// first, does not flicker.
  private func text(_ lines: [String], _ help: String?, rows: Int) -> String {
    // The last row is the cursor's, after what the keys do.
    let below = help.map { ["", $0] } ?? []
    let shown = lines.prefix(rows - 1 - below.count) + below
    return "\u{1b}[H" + shown.map { $0 + "\u{1b}[K\n" }.joined() + "\u{1b}[J"
  }
}
