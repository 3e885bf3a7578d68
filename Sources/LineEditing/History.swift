@preconcurrency import CReadline
import Glibc

/// The lines of this session and of those before, in readline's list and in a file.
public final class History {
  private static let mostLines: Int32 = 5000
  private let path: String?

  /// - Parameter path: of the file, which need not exist, nor its folder; nil for none.
  public init(path: String?) {
    self.path = path
    using_history()
    // Readline's list is one for a process.
    clear_history()
    stifle_history(Self.mostLines)
    guard let path else { return }
    makeFolders(of: path)
    unsafe read_history(path)
    unsafe history_truncate_file(path, Self.mostLines)
  }

  /// Adds a line, to the file at once: a session may end by a signal. A repeated line counts once.
  public func add(_ line: String) {
    guard line.contains(where: { !$0.isWhitespace }), line != lines.last else { return }
    unsafe add_history(line)
    guard let path else { return }
    // append_history() takes a file that exists; lines may hold what is nobody else's business.
    close(open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0o600))
    unsafe append_history(1, path)
  }

  /// All lines, the oldest first.
  public var lines: [String] {
    (0..<history_length).compactMap { index in
      guard let entry = unsafe history_get(history_base + index),
        let line = unsafe entry.pointee.line
      else { return nil }
      return unsafe String(cString: line)
    }
  }

  private func makeFolders(of path: String) {
    var folder = ""
    for part in path.split(separator: "/").dropLast() {
      folder += "/" + part
      mkdir(folder, 0o700)
    }
  }
}
