import Glibc

/// Starts a program with the signals that programs expect: those that our own thread takes, and the one
/// that is ignored, are its own again.
///
/// - Parameters:
///   - words: its arguments, its own name first.
///   - variables: its environment, `NAME=VALUE` each; nil for ours.
///   - ownGroup: it is in a process group of its own, to which no key of the terminal sends a signal.
///   - prepare: says what its descriptors are.
func spawn(
  _ program: String, _ words: [String], _ variables: [String]? = nil, ownGroup: Bool = false,
  _ prepare: (inout posix_spawn_file_actions_t) -> Void
) throws(CommandError) -> pid_t {
  var actions = unsafe posix_spawn_file_actions_t()
  unsafe posix_spawn_file_actions_init(&actions)
  defer { unsafe posix_spawn_file_actions_destroy(&actions) }
  unsafe prepare(&actions)
  var attributes = posix_spawnattr_t()
  unsafe posix_spawnattr_init(&attributes)
  defer { unsafe posix_spawnattr_destroy(&attributes) }
  var (none, pipes) = (sigset_t(), sigset_t())
  sigemptyset(&none)
  sigemptyset(&pipes)
  sigaddset(&pipes, SIGPIPE)
  unsafe posix_spawnattr_setsigmask(&attributes, &none)
  unsafe posix_spawnattr_setsigdefault(&attributes, &pipes)
  let group = ownGroup ? POSIX_SPAWN_SETPGROUP : 0
  unsafe posix_spawnattr_setflags(
    &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group))
  var words = unsafe words.map { unsafe strdup($0) } + [nil]
  var entries = unsafe (variables ?? []).map { unsafe strdup($0) } + [nil]
  defer {
    for index in unsafe words.indices { unsafe free(words[index]) }
    for index in unsafe entries.indices { unsafe free(entries[index]) }
  }
  var identifier: pid_t = 0
  let code =
    variables == nil
    ? unsafe posix_spawn(&identifier, program, &actions, &attributes, &words, environ)
    : unsafe posix_spawn(&identifier, program, &actions, &attributes, &words, &entries)
  guard code == 0 else {
    throw CommandError("cannot start \(program): \(unsafe String(cString: strerror(code)))")
  }
  return identifier
}

/// A pipe that processes started later do not inherit.
func openPipe() throws(CommandError) -> (reading: Int32, writing: Int32) {
  var ends: [Int32] = [-1, -1]
  guard unsafe pipe(&ends) == 0 else { throw CommandError("cannot make a pipe: \(systemError())") }
  for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  return (ends[0], ends[1])
}

/// Waits for the end of a process.
///
/// - Returns: its exit status, or 128 and the signal that ended it.
func endStatus(of process: pid_t) -> Int32 {
  var status: Int32 = 0
  while waitpid(process, &status, 0) < 0 {
    guard errno == EINTR else { return 0 }
  }
  return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
}
