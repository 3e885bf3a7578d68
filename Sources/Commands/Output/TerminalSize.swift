import Glibc

/// Rows and columns of characters.
struct TerminalSize: Equatable {
  var rows: Int
  var columns: Int

  /// Nil for what is not a terminal, and for one that does not know its size. `COLUMNS` outranks
  /// what the terminal says.
  init?(of descriptor: Int32) {
    guard isatty(descriptor) == 1 else { return nil }
    var size = winsize()
    let isKnown = unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0
    let columns = Int(environment("COLUMNS")).flatMap { $0 > 0 ? $0 : nil } ?? Int(size.ws_col)
    guard isKnown, columns > 0 else { return nil }
    self.init(rows: Int(size.ws_row), columns: columns)
  }

  init(rows: Int, columns: Int) { (self.rows, self.columns) = (rows, columns) }
}
