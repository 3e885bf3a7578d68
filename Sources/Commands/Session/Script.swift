import Glibc

/// Lines of commands, and what to call them in messages.
struct Script {
  var name: String
  /// The next line without its end; nil at the end.
  private var nextLine: () throws -> String?

  /// The commands of `-e`.
  init(commands: [String]) {
    name = "-e"
    var rest = commands[...]
    nextLine = { rest.popFirst() }
  }

  /// Reads a file line by line as it is needed: standard input may be a program that waits for
  /// our answers.
  ///
  /// - Parameter path: `-` for standard input.
  init(path: String) throws {
    name = path == "-" ? "stdin" : path
    let file = try path == "-" ? OpenFile(STDIN_FILENO) : OpenFile(path: path)
    nextLine = { [name] in try file.line(name) }
  }

  mutating func next() throws -> String? { try nextLine() }
}

extension Shell {
  private static let maxDepth = 16

  /// Runs a script to its end or its first failing line.
  ///
  /// - Parameter keepsGoing: run on after a failing line, and end with the worst status.
  func run(_ script: Script, keepsGoing: Bool) -> Int32 {
    let outer = (console.prefix, self.keepsGoing)
    self.keepsGoing = keepsGoing
    depth += 1
    defer {
      (console.prefix, self.keepsGoing) = outer
      depth -= 1
    }
    var script = script
    var worst = Status.answered
    var number = 0
    while !hasEnded {
      number += 1
      console.prefix = "\(script.name):\(number): "
      do {
        guard depth <= Self.maxDepth else {
          throw CommandError("scripts source each other \(Self.maxDepth) deep")
        }
        guard let line = try script.next() else { break }
        worst = Status.worse(worst, run(line: line))
      } catch {
        return report(error, output.form)
      }
      // Nobody reads, or Ctrl-C: no reason to go on.
      if worst > 128 || (worst != Status.answered && !keepsGoing) { return worst }
    }
    return worst
  }
}

/// A file that is read line by line.
private final class OpenFile {
  private let descriptor: Int32
  private var buffer: [UInt8] = []
  private var isAtEnd = false

  init(_ descriptor: Int32) { self.descriptor = descriptor }

  init(path: String) throws {
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw CommandError("cannot open \(path): \(systemError())") }
  }

  deinit { if descriptor != STDIN_FILENO { close(descriptor) } }

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
      var chunk = [UInt8](repeating: 0, count: 4096)
      let count = unsafe read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw CommandError("cannot read \(name): \(systemError())") }
      isAtEnd = count == 0
      buffer += chunk[..<count]
      guard buffer.count <= 1 << 20 else { throw CommandError("a line of more than 1 MiB") }
    }
  }
}

private func systemError() -> String { unsafe String(cString: strerror(errno)) }
