import Glibc

/// The process that lets the guest go on if we die, whatever we die of.
///
/// It is our own executable in a session of its own, so that neither Ctrl-C nor a kill of our process
/// group reaches it. It gets a duplicate of each socket before that connects, and so our death does
/// not end the connection; what that owes the guest it reads in the `DebtPage`. Where the link breaks
/// as well, it connects itself. See `GuardianProcess`.
final class Guardian {
  /// The arguments that make the program a guardian.
  static let arguments = ["guestscope", "--guardian"]
  /// Where a guardian finds its end of the socket pair, and the page.
  static let (socket, page): (Int32, Int32) = (3, 4)

  private let identifier: pid_t
  private let end: Int32
  private let page: DebtPage

  /// Starts one; this takes about a millisecond.
  ///
  /// - Parameter path: of a guestscope executable.
  init(_ path: String, _ page: DebtPage) throws(Socket.Failure) {
    self.page = page
    guard let memory = page.descriptor else { throw Socket.Failure("memfd_create") }
    var ends: [Int32] = [-1, -1]
    let type = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    guard unsafe socketpair(AF_UNIX, type, 0, &ends) == 0 else {
      throw Socket.Failure("socketpair")
    }
    do {
      identifier = try spawn(path, Self.arguments, [ends[1], memory])
    } catch {
      close(ends[0])
      close(ends[1])
      throw error
    }
    close(ends[1])
    end = ends[0]
  }

  /// The guardian ends when our end is closed. One that owes nothing is killed, for a short command
  /// may be over before its guardian has begun, and would wait for it here.
  deinit {
    if page.record.state == .nothing { kill(identifier, SIGKILL) }
    close(end)
    while waitpid(identifier, nil, 0) < 0, errno == EINTR {}
  }

  /// Hands over a duplicate of a socket and the address that it will connect to, in place of those before;
  /// false when the guardian is dead.
  func watch(_ descriptor: Int32, of address: Socket.Address) -> Bool {
    var bytes = address.bytes
    return unsafe bytes.withUnsafeMutableBytes { bytes in
      var part = unsafe iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
      return unsafe withUnsafeMutablePointer(to: &part) { part in
        unsafe withUnsafeTemporaryAllocation(byteCount: 24, alignment: 8) { control in
          // A control message is its length, level and type (16 bytes), then descriptors.
          unsafe control.initializeMemory(as: UInt8.self, repeating: 0)
          unsafe control.storeBytes(of: 20, as: Int.self)
          unsafe control.storeBytes(of: SOL_SOCKET, toByteOffset: 8, as: Int32.self)
          // SCM_RIGHTS
          unsafe control.storeBytes(of: 1, toByteOffset: 12, as: Int32.self)
          unsafe control.storeBytes(of: descriptor, toByteOffset: 16, as: Int32.self)
          var message = unsafe msghdr()
          unsafe message.msg_iov = part
          unsafe message.msg_iovlen = 1
          unsafe message.msg_control = control.baseAddress
          unsafe message.msg_controllen = control.count
          return unsafe sendmsg(end, &message, Int32(MSG_NOSIGNAL)) == bytes.count
        }
      }
    }
  }
}

/// Starts a program in a session of its own, with no signal that could end it but SIGKILL, standard
/// streams on /dev/null, and descriptors from 3 on.
private func spawn(
  _ path: String, _ arguments: [String], _ descriptors: [Int32]
) throws(Socket.Failure) -> pid_t {
  // Beyond the places that they are to take.
  let high = descriptors.map { fcntl($0, F_DUPFD_CLOEXEC, 10) }
  defer { for descriptor in high where descriptor >= 0 { close(descriptor) } }
  var actions = unsafe posix_spawn_file_actions_t()
  unsafe posix_spawn_file_actions_init(&actions)
  defer { unsafe posix_spawn_file_actions_destroy(&actions) }
  for stream in Int32(0)...2 {
    unsafe posix_spawn_file_actions_addopen(&actions, stream, "/dev/null", O_RDWR, 0)
  }
  for (index, descriptor) in high.enumerated() {
    unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(3 + index))
  }
  var attributes = posix_spawnattr_t()
  unsafe posix_spawnattr_init(&attributes)
  defer { unsafe posix_spawnattr_destroy(&attributes) }
  var all = sigset_t()
  sigfillset(&all)
  unsafe posix_spawnattr_setsigmask(&attributes, &all)
  // POSIX_SPAWN_SETSID, for _GNU_SOURCE only.
  unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | 0x80))
  var words = unsafe arguments.map { unsafe strdup($0) } + [nil]
  defer { for index in unsafe words.indices { unsafe free(words[index]) } }
  var identifier: pid_t = 0
  let code = unsafe posix_spawn(&identifier, path, &actions, &attributes, &words, environ)
  guard code == 0 else { throw Socket.Failure("start \(path)", code: code) }
  return identifier
}
