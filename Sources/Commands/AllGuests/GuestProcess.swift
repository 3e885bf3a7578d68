import CGuestScopeLinux
import Glibc

/// A process of this program that asks one guest.
final class GuestProcess {
  let name: String
  private let identifier: pid_t
  private let output: Int32
  /// Its output has been read to the end.
  private(set) var hasEnded = false

  /// - Parameter errors: where its notes go.
  /// - Throws: `CommandError` where it cannot be started.
  init(
    _ guest: OneOfAll, _ program: String, _ arguments: [String], input: InputFile?, errors: Int32
  ) throws(CommandError) {
    name = guest.name
    let ends = try openPipe()
    defer { close(ends.writing) }
    output = ends.reading
    let own = OneOfAll.variable + "="
    let variables = Self.variables.filter { !$0.hasPrefix(own) } + [guest.assignment]
    do throws(CommandError) {
      identifier = try spawn(
        program, ["guestscope"] + arguments, variables, ownGroup: true
      ) { actions in
        unsafe posix_spawn_file_actions_addopen(
          &actions, STDIN_FILENO, input?.path ?? "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, ends.writing, STDOUT_FILENO)
        unsafe posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO)
      }
    } catch {
      close(ends.reading)
      throw error
    }
  }

  deinit { end() }

  /// What Ctrl-C does: a command that has something to show ends with that.
  func interrupt() {
    if !hasEnded { kill(identifier, SIGINT) }
  }

  /// Ends it; the guest goes on as after any end of the program.
  func end() {
    guard !hasEnded else { return }
    hasEnded = true
    close(output)
    kill(identifier, SIGTERM)
    _ = endStatus(of: identifier)
  }

  /// Our own.
  private static var variables: [String] {
    var variables: [String] = []
    var entry = unsafe environ
    while let text = unsafe entry.pointee {
      variables.append(unsafe String(cString: text))
      unsafe entry += 1
    }
    return variables
  }

  /// Waits until one of some processes has printed something, or has ended.
  static func wait(for processes: [GuestProcess], atMost limit: Duration) {
    var entries = processes.map { pollfd(fd: $0.output, events: Int16(POLLIN), revents: 0) }
    _ = unsafe poll(&entries, nfds_t(entries.count), Int32(limit.milliseconds))
  }

  /// What it has printed since, without waiting for more; after its end its exit status.
  func read() throws(CommandError) -> (bytes: ArraySlice<UInt8>, end: Int32?) {
    var entry = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
    guard unsafe poll(&entry, 1, 0) > 0 else { return ([], nil) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    var count = unsafe Glibc.read(output, &bytes, bytes.count)
    while count < 0, errno == EINTR { count = unsafe Glibc.read(output, &bytes, bytes.count) }
    guard count >= 0 else { throw CommandError("cannot read from a process: \(systemError())") }
    guard count == 0 else { return (bytes[..<count], nil) }
    hasEnded = true
    close(output)
    return ([], endStatus(of: identifier))
  }
}

/// What several processes read from standard input, each from its beginning.
final class InputFile {
  private let descriptor: Int32

  init(_ text: String) throws(CommandError) {
    // MFD_CLOEXEC of <sys/mman.h>, for _GNU_SOURCE only.
    descriptor = unsafe memfd_create("commands", 1)
    guard descriptor >= 0, writeAll(text, to: descriptor) else {
      throw CommandError("cannot keep the commands: \(systemError())")
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// To be opened in a new process, before it runs its program.
  var path: String { "/proc/self/fd/\(descriptor)" }
}
