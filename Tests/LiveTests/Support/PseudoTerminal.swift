import Foundation
import TestSupport
import Testing

/// A child process on a terminal of its own, driven as a user does it: keys go in, and what the
/// screen shows is waited for.
final class PseudoTerminal {
  enum Key: String {
    case enter = "\r"
    case tab = "\t"
    case up = "\u{1b}[A"
    case home = "\u{1}"
    /// Ctrl-C, Ctrl-D, Ctrl-Z, Ctrl-\.
    case interrupt = "\u{3}"
    case end = "\u{4}"
    case suspend = "\u{1a}"
    case quit = "\u{1c}"
  }

  struct Failure: Error, CustomStringConvertible { var description: String }

  /// Where the program waits for a line while its guest runs.
  static let prompt = "guestscope> "

  let identifier: pid_t
  private var master: Int32 = -1
  private var bytes: [UInt8] = []
  /// What `expect` has passed, in characters of `text`.
  private var passed = 0
  private var status: Int32?

  /// - Parameters:
  ///   - environment: besides a small one of its own, in which answers are not paged; nothing of this
  ///     process's.
  ///   - absent: variables that are not there.
  init(
    _ path: String, _ arguments: [String], environment: [String: String], absent: Set<String> = [],
    columns: UInt16 = 100
  ) throws {
    var slave: Int32 = -1
    var name = [CChar](repeating: 0, count: 128)
    var size = winsize(ws_row: 30, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    guard openpty(&master, &slave, &name, nil, &size) == 0 else {
      throw Failure(description: "no pseudo-terminal: \(String(cString: strerror(errno)))")
    }
    defer { close(slave) }
    for end in [master, slave] { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    _ = fcntl(master, F_SETFL, O_NONBLOCK)

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    closeOthers(&actions)
    // The first terminal that a session leader opens becomes its own.
    posix_spawn_file_actions_addopen(&actions, 0, name, O_RDWR, 0)
    posix_spawn_file_actions_adddup2(&actions, 0, 1)
    posix_spawn_file_actions_adddup2(&actions, 0, 2)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var (none, all) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    // POSIX_SPAWN_SETSID of <spawn.h>, for _GNU_SOURCE only.
    let setSession: Int32 = 0x80
    let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | setSession
    posix_spawnattr_setflags(&attributes, Int16(flags))

    let own = [
      "TERM": "xterm", "LANG": "C.UTF-8", "INPUTRC": "/dev/null", "PATH": "/usr/bin:/bin",
      "PAGER": "cat",
    ]
    let variables = own.merging(environment) { $1 }.filter { !absent.contains($0.key) }
      .map { "\($0)=\($1)" }
    var words = ([path] + arguments).map { strdup($0) } + [nil]
    var settings = variables.map { strdup($0) } + [nil]
    defer { for word in words + settings { free(word) } }
    var identifier: pid_t = 0
    let code = posix_spawn(&identifier, path, &actions, &attributes, &words, &settings)
    guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .ENOENT) }
    self.identifier = identifier
  }

  deinit {
    if status == nil {
      // First the way that lets a held guest go on.
      kill(identifier, SIGTERM)
      usleep(200_000)
      kill(identifier, SIGKILL)
      _ = try? wait()
    }
    if master >= 0 { close(master) }
  }

  // MARK: Keys

  /// False while a program reads keys as they are pressed.
  var showsKeys: Bool {
    var modes = termios()
    return tcgetattr(master, &modes) == 0 && modes.c_lflag & tcflag_t(ECHO) != 0
  }

  func type(_ text: String) throws {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(master, $0.baseAddress, $0.count) }
      if count > 0 { rest = rest.dropFirst(count) } else { try read(before: Date() + 1) }
    }
  }

  func press(_ key: Key) throws { try type(key.rawValue) }

  func enter(_ line: String) throws { try type(line + Key.enter.rawValue) }

  /// The user closes the window.
  func hangUp() {
    close(master)
    master = -1
  }

  // MARK: The screen

  /// Everything that was written to it, terminal commands included.
  var raw: String { String(decoding: bytes, as: UTF8.self) }

  /// The same as text: without the commands, lines end in `\n`.
  var text: String {
    let command = "\u{1b}(\\[[0-?]*[ -/]*([@-~]|$)|[^\\[]|$)|[\r\u{7}]"
    return raw.replacingOccurrences(of: command, with: "", options: .regularExpression)
  }

  /// Waits for a text behind what was expected before; returns what stood before it.
  @discardableResult
  func expect(
    _ wanted: String, seconds: Double = 60, location: SourceLocation = #_sourceLocation
  ) throws -> String {
    let deadline = Date() + seconds
    while true {
      let rest = text.dropFirst(passed)
      if let found = rest.range(of: wanted) {
        passed += rest.distance(from: rest.startIndex, to: found.upperBound)
        return String(rest[..<found.lowerBound])
      }
      guard try read(before: deadline) else {
        let failure = Failure(description: "no '\(wanted)' on the screen:\n\(rest.suffix(2000))")
        Issue.record(failure, sourceLocation: location)
        throw failure
      }
    }
  }

  /// Enters a line, and returns what stands between it and the next prompt.
  func answer(_ line: String, location: SourceLocation = #_sourceLocation) throws -> String {
    try enter(line)
    try expect(line + "\n", location: location)
    return try expect(Self.prompt, location: location)
  }

  /// Takes what the child writes next; false when it has ended or the time is over.
  @discardableResult
  private func read(before deadline: Date) throws -> Bool {
    while true {
      var waiting = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
      let left = deadline.timeIntervalSinceNow
      guard left > 0 else { return false }
      guard poll(&waiting, 1, Int32(left * 1000) + 1) > 0 else { continue }
      var chunk = [UInt8](repeating: 0, count: 1 << 16)
      let count = Glibc.read(master, &chunk, chunk.count)
      // EIO: nobody has the other end open any more.
      guard count > 0 else { return count < 0 && errno == EAGAIN }
      bytes += chunk[..<count]
      return true
    }
  }

  /// Waits for its end and returns its exit status, or 128 and the signal that ended it.
  func wait(seconds: Double = 30) throws -> Int32 {
    if let status { return status }
    let deadline = Date() + seconds
    var raw: Int32 = 0
    while waitpid(identifier, &raw, WNOHANG) == 0 {
      guard Date() < deadline else {
        throw Failure(description: "it did not end; the screen: \(text.suffix(2000))")
      }
      // A child that writes to a full terminal does not end.
      let hasRead = try master >= 0 && read(before: Date() + 0.05)
      if !hasRead { usleep(10_000) }
    }
    // What it wrote last is still in the terminal.
    while try master >= 0 && read(before: Date() + 0.05) {}
    let ended = raw & 0x7f == 0 ? raw >> 8 & 0xff : 128 + raw & 0x7f
    status = ended
    return ended
  }
}
