import Glibc
import GuestScopeBytes
import GuestScopeRemoteProtocol

/// Settles, in the guardian, a connection whose owner has died: it asks what the owner had not found out, and
/// lets the guest go on if that is owed.
struct Heir {
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
    /// `ran`: the guest is known to have run.
    case linkIsBroken(ran: Bool)
  }

  func settle() -> Outcome {
    if hasEnded(descriptor) { return .linkIsBroken(ran: hasShownThatGuestRan) }
    guard record.state == .unknown else { return pay(ran: true) }
    switch inquire() {
    case .linkIsBroken(let ran): return .linkIsBroken(ran: ran)
    case .isOwed(true): return pay(ran: true)
    case .isLikelyOwed: return pay(ran: record.hasRun)
    case .isOwed(false):
      leave()
      return .isSettled
    }
  }

  /// Lets the guest go on.
  ///
  /// - Parameter ran: it is known to have run.
  private func pay(ran: Bool) -> Outcome {
    guard ResumeDebt.resume(descriptor) else { return .linkIsBroken(ran: ran) }
    var said: [UInt8] = []
    while !isPaid(said) {
      switch hear() {
      case .bytes(let bytes): said += bytes
      // What was written to a link that breaks at the same time may have reached nobody.
      case .end, .broken: return .linkIsBroken(ran: ran)
      // A silent stub is serving another client, and reads the `c` when that client has gone.
      case .silence:
        leave()
        return .isSettled
      }
    }
    leave()
    return .isSettled
  }

  /// True if the stub has acknowledged the `c` of the payment. If the guest stood still, the empty packet before
  /// the `c` has a reply, or is refused because it ended a packet that was cut off. If the owner had paid in the
  /// handler of a crash, or a `c` had gone out, the first byte stopped the guest, which may be reported, and only
  /// the `c` is acknowledged.
  private func isPaid(_ said: [UInt8]) -> Bool {
    var decoder = PacketDecoder()
    decoder.feed(said)
    var (last, before): (Incoming?, Incoming?)
    while let incoming = decoder.next() { (before, last) = (last, incoming) }
    guard case .ack? = last, decoder.unfinished.isEmpty else { return false }
    switch before {
    case .nack?: return true
    case .packet(let payload)? where payload.isEmpty || Exchange.Before(payload).stops > 0:
      return true
    default: return record.state == .resuming
    }
  }

  /// Ends the connection when QEMU has read all of it, which a reset would prevent: bytes that nobody took would
  /// cause one.
  private func leave() {
    shutdown(descriptor, Int32(SHUT_WR))
    while let bytes = receive(), !bytes.isEmpty {}
  }

  /// What the owner knew, or the last words of a link that broke: see `StubLink.settling`.
  private var hasShownThatGuestRan: Bool {
    if record.hasRun { return true }
    guard record.contact.silenceMeansRunning, record.before == nil else { return false }
    var decoder = PacketDecoder()
    var before = Exchange.Before()
    var isBefore = true
    while isBefore, let bytes = receive(), !bytes.isEmpty {
      decoder.feed(bytes)
      while isBefore, let incoming = decoder.next() {
        switch incoming {
        case .packet(let payload): before.add(payload)
        case .ack: isBefore = false
        default: break
        }
      }
    }
    return before.stops >= (isBefore ? 1 : 2)
  }

  private enum Answer {
    case isOwed(Bool)
    /// The stub has not answered; what is known suggests that the guest ran.
    case isLikelyOwed
    /// `ran`: the guest is known to have run.
    case linkIsBroken(ran: Bool)
  }

  /// Asks the stub what its owner had not found out yet, by the same rules.
  private func inquire() -> Answer {
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
      guard !bytes.isEmpty else {
        let hasShown = isBefore && before.stops >= 1 && record.contact.silenceMeansRunning
        return .linkIsBroken(ran: record.hasRun || before.stops >= 2 || hasShown)
      }
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
      // All are waited for, so that no reply is taken for one to the payment. An answer is whole with its line.
      let lines = text.split(whereSeparator: \.isNewline).map(String.init)
      guard text.last?.isNewline == true,
        let status = lines.lazy.compactMap(RunStatus.init(monitorText:)).first,
        let version = lines.lazy.compactMap(QEMUVersion.init(monitorText:)).first
      else { continue }
      switch Verdict(before, contact, status: status, version: version) {
      case .ran, .takenAsRunning: return .isOwed(true)
      case .stopped(let reason): return .isOwed(record.ran && reason == nil)
      }
    }
    if before.stops >= 2 { return .isOwed(true) }
    return record.isLikelyOwed ? .isLikelyOwed : .isOwed(false)
  }

  private enum Heard {
    case bytes([UInt8])
    case end, broken
    /// The time is over.
    case silence
  }

  private func hear() -> Heard {
    let left = (deadline - .now).components
    var poller = pollfd(descriptor: descriptor)
    let milliseconds = left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000
    // A stub that never stops talking must not keep the guardian for ever.
    guard milliseconds >= 0, left.attoseconds >= 0 else { return .silence }
    guard unsafe poll(&poller, 1, Int32(milliseconds)) > 0 else { return .silence }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = unsafe recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
    return count > 0 ? .bytes(Array(bytes.prefix(count))) : count == 0 ? .end : .broken
  }

  /// What comes next; empty at the end of the connection, nil when the time is over.
  private func receive() -> [UInt8]? {
    switch hear() {
    case .bytes(let bytes): bytes
    case .end, .broken: []
    case .silence: nil
    }
  }
}

/// Connects again, in the guardian, for an owner whose link broke before it died.
struct Successor {
  /// For how long it tries to connect.
  private static let patience: Duration = .seconds(2)

  private let address: Socket.Address
  private var record: DebtRecord
  /// A server that was never shown to be QEMU is asked once.
  private var isKnown: Bool

  init(_ address: [UInt8], _ record: DebtRecord, ran: Bool) {
    let family = address.withUnsafeBytes { unsafe $0.loadUnaligned(as: sa_family_t.self) }
    self.address = Socket.Address(family: Int32(family), bytes: address, isLoopback: false)
    self.record = DebtRecord(.unknown, record.contactAfterBrokenLink, ran: ran)
    isKnown = ran || !record.contact.isFirst
  }

  mutating func settle() {
    let deadline = ContinuousClock.now + Self.patience
    repeat {
      switch connectAndSettle() {
      case .isSettled: return
      case .linkIsBroken(ran: true): (record.ran, isKnown) = (true, true)
      case .linkIsBroken(ran: false), nil: break
      }
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
