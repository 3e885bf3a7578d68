import Glibc

/// A command that the user's shell runs, on our terminal. Ctrl-C ends it and, at the prompt, not us.
struct ShellProcess {
  private let identifier: pid_t
  /// Where its standard input comes from; -1 where it has ours.
  let input: Int32

  /// Statuses of the shell for a command that it could not run.
  static let couldNotRun: ClosedRange<Int32> = 126...127

  /// - Parameter isFed: its standard input is a pipe, to be written to at `input`.
  init(_ command: String, isFed: Bool) throws(CommandError) {
    var ends: [Int32] = [-1, -1]
    if isFed {
      // No other process that is started meanwhile may keep the pipe open.
      guard unsafe pipe(&ends) == 0 else { throw CommandError("no pipe: \(systemError())") }
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    }
    input = ends[1]
    defer { if ends[0] >= 0 { close(ends[0]) } }
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    if isFed { unsafe posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO) }
    // The signals that our own thread takes, and the one that is ignored, are its own again.
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var (none, pipes) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    sigemptyset(&pipes)
    sigaddset(&pipes, SIGPIPE)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setsigdefault(&attributes, &pipes)
    unsafe posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    let arguments = ["sh", "-c", command]
    var words = unsafe arguments.map { unsafe strdup($0) } + [nil]
    defer { for index in unsafe words.indices { unsafe free(words[index]) } }
    var identifier: pid_t = 0
    let code = unsafe posix_spawn(&identifier, "/bin/sh", &actions, &attributes, &words, environ)
    guard code == 0 else {
      if isFed { close(ends[1]) }
      throw CommandError("cannot start /bin/sh: \(unsafe String(cString: strerror(code)))")
    }
    self.identifier = identifier
  }

  /// Ends its input and waits for it.
  ///
  /// - Returns: its exit status, or 128 and the signal that ended it.
  func wait() -> Int32 {
    if input >= 0 { close(input) }
    var status: Int32 = 0
    while waitpid(identifier, &status, 0) < 0 {
      guard errno == EINTR else { return 0 }
    }
    return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
  }
}
