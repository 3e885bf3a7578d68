import Glibc

/// Where answers and everything else go: answers to standard output, the rest to standard error.
public final class Console {
  public init() {}

  /// Writes an answer. Throws `BrokenPipe` when nobody reads any more.
  func answer(_ text: String) throws { try write(text, to: STDOUT_FILENO) }

  func note(_ text: String) { try? write("guestscope: \(text)\n", to: STDERR_FILENO) }

  func trace(_ text: String) { try? write(text + "\n", to: STDERR_FILENO) }

  private func write(_ text: String, to file: Int32) throws {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.write(file, $0.baseAddress, $0.count)
      }
      if count < 0, errno == EINTR { continue }
      if count < 0, errno == EPIPE { throw BrokenPipe() }
      guard count > 0 else {
        throw CommandError("cannot write the answer: \(unsafe String(cString: strerror(errno)))")
      }
      bytes = bytes.dropFirst(count)
    }
  }
}

/// Nobody reads the output any more (`| head -1`): the program ends quietly.
struct BrokenPipe: Error {}
