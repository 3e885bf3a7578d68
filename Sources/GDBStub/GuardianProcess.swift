import Glibc
import GuestScopeBytes
import GuestScopeRemoteProtocol

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
    let record = page.record
    if connection >= 0, record.state != .nothing,
      case .linkIsBroken(let ran) = Heir(connection, record).settle(), watch.isFresh
    {
      Successor(address, record, ran: ran).settle()
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

/// Who takes over a connection after its owner's death.
private struct Heir {
  /// How long the stub may take to answer, and to end the connection.
  private static let patience: Duration = .seconds(1)

  private let descriptor: Int32
  private let record: DebtRecord
  private let deadline = ContinuousClock.now + Self.patience

  init(_ descriptor: Int32, _ record: DebtRecord) {
    (self.descriptor, self.record) = (descriptor, record)
  }

  enum Outcome {
    case isSettled
    /// And whether the guest is known to have run.
    case linkIsBroken(ran: Bool)
  }

  func settle() -> Outcome {
    if hasEnded { return .linkIsBroken(ran: hasShownThatGuestRan) }
    let isOwed = record.state == .unknown ? self.isOwed() : true
    guard let isOwed, !isOwed || ResumeDebt.resume(descriptor) else {
      return .linkIsBroken(ran: record.ran || record.state != .unknown)
    }
    // QEMU is to read all of that before the connection ends, which a reset would prevent: bytes
    // that nobody took would cause one.
    shutdown(descriptor, Int32(SHUT_WR))
    while let bytes = receive(), !bytes.isEmpty {}
    return .isSettled
  }

  private var hasEnded: Bool { LinkWatch.hasEnded(descriptor) }

  /// What the owner knew, or the last words of a link that broke: see `StubLink.settling`.
  private var hasShownThatGuestRan: Bool {
    if record.ran || record.state != .unknown { return true }
    guard record.contact.silenceMeansRunning, record.before == nil else { return false }
    var decoder = PacketDecoder()
    var before = Exchange.Before()
    while let bytes = receive(), !bytes.isEmpty {
      decoder.feed(bytes)
      while let incoming = decoder.next() {
        if case .packet(let payload) = incoming { before.add(payload) }
      }
    }
    return before.stops >= 1
  }

  /// Asks the stub what its owner had not found out yet, by the same rules; nil where the link breaks.
  private func isOwed() -> Bool? {
    var questions: [UInt8] = []
    for request in [.greeting, .monitor(.status), .monitor(.version)] as [Request] {
      request.encode(into: &questions)
    }
    _ = unsafe send(descriptor, questions, questions.count, Int32(MSG_NOSIGNAL))
    var decoder = PacketDecoder()
    var before = record.before ?? Exchange.Before()
    var isBefore = record.before == nil
    var contact = record.contact
    var text = ""
    while let bytes = receive() {
      guard !bytes.isEmpty else { return nil }
      decoder.feed(bytes)
      while let incoming = decoder.next() {
        switch incoming {
        case .ack: isBefore = false
        case .packet(let payload) where isBefore: before.add(payload)
        // It may have been what said that the guest is stopped.
        case .corrupted, .noise:
          if contact == .afterStopped { contact = .firstToLeaveStopped }
        case .packet(let payload) where payload.first == UInt8(ascii: "O"):
          // Answers to what the owner asked may be among them; they read the same.
          text += String(decoding: payload.dropFirst().decodedHex ?? [], as: UTF8.self)
        default: break
        }
      }
      if before.stops >= 2 { return true }
      // An answer is whole with its line.
      let lines = text.split(whereSeparator: \.isNewline).map(String.init)
      guard text.last?.isNewline == true,
        let status = lines.lazy.compactMap(RunStatus.init(monitorText:)).first,
        let version = lines.lazy.compactMap(QEMUVersion.init(monitorText:)).first
      else { continue }
      switch Verdict(before, contact, status: status, version: version) {
      case .ran, .takenAsRunning: return true
      case .stopped(let reason): return record.ran && reason == nil
      }
    }
    return record.isLikelyOwed
  }

  /// What comes next; empty at the end of the connection, nil when the time is over.
  private func receive() -> [UInt8]? {
    let left = (deadline - .now).components
    var poller = pollfd(descriptor: descriptor)
    let milliseconds = max(0, left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000)
    guard unsafe poll(&poller, 1, Int32(milliseconds)) > 0 else { return nil }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = unsafe recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
    return Array(bytes.prefix(max(0, count)))
  }
}

/// Notices when a link breaks.
private struct LinkWatch {
  /// An owner that lives is through with a broken link in this time, or does not know of it.
  private static let patience: Duration = .seconds(3)

  /// What takes longer to connect is not looked at any more.
  private static let longestConnect: Duration = .seconds(10)

  private var end: ContinuousClock.Instant?

  /// False for a link that broke long before its owner died: whoever answers there now may have been stopped
  /// by somebody else.
  var isFresh: Bool { end.map { .now - $0 < Self.patience } ?? true }

  /// Waits until there is something to take from the owner.
  mutating func wait(for owner: Int32, _ link: Int32) {
    while true {
      // A link is not connected yet when it is handed over, which looks like its end.
      end = link >= 0 && Self.hasEnded(link) ? end ?? .now : nil
      var pollers = [pollfd(descriptor: owner), pollfd(fd: link, events: Self.ending, revents: 0)]
      let isWatched = link >= 0 && end == nil
      let looksAgain = end.map { .now - $0 < Self.longestConnect } ?? false
      let ready = unsafe poll(&pollers, isWatched ? 2 : 1, looksAgain ? 500 : -1)
      if ready > 0, pollers[0].revents != 0 { return }
    }
  }

  /// POLLRDHUP, for _GNU_SOURCE only.
  private static let ending: Int16 = 0x2000

  /// True when either end has closed the connection.
  static func hasEnded(_ link: Int32) -> Bool {
    var poller = pollfd(fd: link, events: ending, revents: 0)
    return unsafe poll(&poller, 1, 0) > 0
  }
}

/// Who takes over from an owner whose link broke before it died.
private struct Successor {
  /// For how long it tries to connect.
  private static let patience: Duration = .seconds(2)

  private let address: Socket.Address
  private let record: DebtRecord
  /// A server that was never shown to be QEMU is asked once.
  private let isKnown: Bool

  init(_ address: [UInt8], _ record: DebtRecord, ran: Bool) {
    let family = address.withUnsafeBytes { unsafe $0.loadUnaligned(as: sa_family_t.self) }
    self.address = Socket.Address(family: Int32(family), bytes: address, isLoopback: false)
    self.record = DebtRecord(.unknown, record.contact.afterBrokenLink, ran: ran)
    isKnown = ran || !record.contact.isFirst
  }

  func settle() {
    let deadline = ContinuousClock.now + Self.patience
    repeat {
      if case .isSettled = connectAndSettle() { return }
      sleep(for: .milliseconds(50))
    } while isKnown && .now < deadline
  }

  private func connectAndSettle() -> Heir.Outcome? {
    var greeting: [UInt8] = []
    Request.greeting.encode(into: &greeting)
    do throws(Socket.Failure) {
      let socket = try Socket(family: address.family, timeout: Self.patience)
      try socket.connect(to: address, sending: greeting)
      return Heir(socket.descriptor, record).settle()
    } catch {
      return nil
    }
  }
}
