import Glibc

/// A file of the user's, `-` for standard input.
final class OpenFile {
  private let descriptor: Int32
  private var buffer: [UInt8] = []
  private var isAtEnd = false

  init(path: String) throws {
    guard path != "-" else {
      descriptor = STDIN_FILENO
      return
    }
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw CommandError("cannot open \(path): \(systemError())") }
  }

  deinit { if descriptor != STDIN_FILENO { close(descriptor) } }

  /// The next line without its end; nil at the end of the file.
  ///
  /// - Parameter name: of the file in messages.
  func line(_ name: String) throws -> String? {
    while true {
      if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
        defer { buffer.removeSubrange(...end) }
        return String(decoding: buffer[..<end], as: UTF8.self)
      }
      guard !isAtEnd else {
        defer { buffer = [] }
        return buffer.isEmpty ? nil : String(decoding: buffer, as: UTF8.self)
      }
      try readMore(4096, name)
      guard buffer.count <= 1 << 20 else {
        throw CommandError("a line of \(name) is longer than 1 MiB")
      }
    }
  }

  /// Returns the next bytes without consuming them: `count`, or fewer at the end of the file.
  func start(_ count: Int, _ name: String) throws -> ArraySlice<UInt8> {
    while buffer.count < count, !isAtEnd { try readMore(4096, name) }
    return buffer.prefix(count)
  }

  /// All that is left.
  func rest(_ name: String) throws -> [UInt8] {
    while !isAtEnd { try readMore(1 << 16, name) }
    defer { buffer = [] }
    return buffer
  }

  private func readMore(_ most: Int, _ name: String) throws {
    var chunk = [UInt8](repeating: 0, count: most)
    var count = unsafe read(descriptor, &chunk, most)
    while count < 0, errno == EINTR { count = unsafe read(descriptor, &chunk, most) }
    guard count >= 0 else { throw CommandError("cannot read \(name): \(systemError())") }
    isAtEnd = count == 0
    buffer += chunk[..<count]
  }
}

/// What the last system call that failed says.
func systemError() -> String { unsafe String(cString: strerror(errno)) }
