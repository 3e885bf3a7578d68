import Glibc

/// A new file that grows with what is written to it.
final class NewFile {
  private let path: String
  private let descriptor: Int32

  /// - Throws: `CommandError` with the path and the reason, also where there is such a file already.
  init(_ path: String) throws(CommandError) {
    self.path = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failure() }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  func write(_ text: String) throws(CommandError) {
    guard writeAll(text, to: descriptor) else { throw failure() }
  }

  private func failure() -> CommandError {
    var error = CommandError("cannot write \(path): \(systemError())")
    error.isOfOutput = true
    return error
  }
}
