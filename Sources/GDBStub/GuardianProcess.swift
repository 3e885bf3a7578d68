import Glibc

/// What a guardian does: it waits for the end of the process that started it, and lets the guest go
/// on if that is owed.
public enum GuardianProcess {
  /// True when this process was started as a guardian.
  public static func isMeant(by arguments: [String]) -> Bool { arguments == Guardian.arguments }

  /// Runs until the other process has ended and nothing is owed.
  public static func run() -> Never {
    // Whatever that process was given by its own parent, a pipe's end for instance, is not ours. Its working
    // directory is: the path of a socket may be relative.
    closeDescriptors(from: Guardian.page + 1)
    guard let page = DebtPage(sharedBy: Guardian.page) else { exit(1) }
    var connection: Int32 = -1
    var address: [UInt8] = []
    var watch = LinkWatch()
    while true {
      watch.wait(for: Guardian.socket, connection)
      var next: Int32 = -1
      guard let received = receive(&next) else { continue }
      guard !received.isEmpty else { break }
      if connection >= 0 { close(connection) }
      (connection, address, watch) = (next, received, LinkWatch())
    }
    let (record, isFresh) = (page.record, watch.isFresh)
    if connection >= 0, record.state != .nothing,
      case .linkIsBroken(let next) = Heir(connection, record).settle(), isFresh
    {
      var successor = Successor(address, next, isKnown: !record.contact.isFirst)
      successor.settle()
    }
    exit(0)
  }

  private static func closeDescriptors(from first: Int32) {
    let names = ProcFiles.names(in: "/proc/self/fd")
    for descriptor in names.compactMap({ Int32($0) }) where descriptor >= first {
      close(descriptor)
    }
  }

  /// Takes a socket, and returns the address that it connects to: empty when the other process has ended,
  /// nil when a signal has come.
  private static func receive(_ descriptor: inout Int32) -> [UInt8]? {
    var received = 0
    var bytes = [UInt8](repeating: 0, count: MemoryLayout<sockaddr_storage>.size)
    unsafe bytes.withUnsafeMutableBytes { bytes in
      var part = unsafe iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
      unsafe withUnsafeMutablePointer(to: &part) { part in
        unsafe withUnsafeTemporaryAllocation(byteCount: 24, alignment: 8) { control in
          var message = unsafe msghdr()
          unsafe message.msg_iov = part
          unsafe message.msg_iovlen = 1
          unsafe message.msg_control = control.baseAddress
          unsafe message.msg_controllen = control.count
          received = unsafe recvmsg(Guardian.socket, &message, 0)
          if received > 0, unsafe message.msg_controllen >= 20 {
            descriptor = unsafe control.load(fromByteOffset: 16, as: Int32.self)
          }
        }
      }
    }
    if received < 0, errno == EINTR { return nil }
    return Array(bytes.prefix(max(0, received)))
  }
}

/// Notices when a link breaks.
struct LinkWatch {
  /// An owner that lives is through with a broken link in this time, or does not know of it.
  var patience: Duration = .seconds(3)

  /// What takes longer to connect is not looked at any more.
  private static let longestConnect: Duration = .seconds(10)

  private var end: ContinuousClock.Instant?

  /// False for a link that broke long before its owner died: whoever answers there now may have been stopped
  /// by somebody else.
  var isFresh: Bool { end.map { .now - $0 < patience } ?? true }

  /// Waits until there is something to take from the owner.
  mutating func wait(for owner: Int32, _ link: Int32) {
    while true {
      // A link is not connected yet when it is handed over, which looks like its end.
      end = link >= 0 && hasEnded(link) ? end ?? .now : nil
      var pollers = [pollfd(descriptor: owner), pollfd(endOf: link)]
      let isWatched = link >= 0 && end == nil
      let looksAgain = end.map { .now - $0 < Self.longestConnect } ?? false
      let ready = unsafe poll(&pollers, isWatched ? 2 : 1, looksAgain ? 500 : -1)
      if ready > 0, pollers[0].revents != 0 { return }
    }
  }
}
