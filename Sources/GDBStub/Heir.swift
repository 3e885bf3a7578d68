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
    /// With what the next connection begins.
    case linkIsBroken(DebtRecord)
  }

  func settle() -> Outcome {
    if hasEnded(descriptor) {
      guard !record.hasRun, record.before == nil else { return broken(ran: record.hasRun) }
      let words = lastWords()
      return broken(
        ran: words.before.showsThatGuestRan(record.contact, isWhole: words.isWhole),
        words.isWhole ? words.before : nil)
    }
    guard record.state == .unknown else { return pay(ran: true) }
    switch inquire() {
    case .linkIsBroken(let ran, let before): return broken(ran: ran, before)
    case .isOwed(true): return pay(ran: true)
    case .isLikelyOwed: return pay(ran: record.hasRun)
    case .isOwed(false):
      leave()
      return .isSettled
    }
  }

  /// - Parameters:
  ///   - ran: the guest is known to have run.
  ///   - before: all that the stub said before the greeting, where that was heard only now.
  private func broken(ran: Bool, _ before: Exchange.Before? = nil) -> Outcome {
    var known = record
    known.before = before ?? known.before
    known.ran = ran
    return .linkIsBroken(DebtRecord(.unknown, known.contactAfterBrokenLink, ran: ran))
  }

  /// Lets the guest go on.
  ///
  /// - Parameter ran: it is known to have run.
  private func pay(ran: Bool) -> Outcome {
    guard ResumeDebt.resume(descriptor) else { return broken(ran: ran) }
    var said: [UInt8] = []
    while !isPaid(said) {
      switch hear() {
      case .bytes(let bytes): said += bytes
      // What was written to a link that breaks at the same time may have reached nobody.
      case .end, .broken: return broken(ran: ran)
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

  /// What the stub said before it took the greeting, of what lies in the socket of a broken link, and whether that is
  /// all of it.
  private func lastWords() -> (before: Exchange.Before, isWhole: Bool) {
    var decoder = PacketDecoder()
    var before = Exchange.Before()
    while let bytes = receive(), !bytes.isEmpty {
      decoder.feed(bytes)
      while let incoming = decoder.next() {
        switch incoming {
        case .packet(let payload): before.add(payload)
        case .ack: return (before, true)
        default: break
        }
      }
    }
    before.addCutOff(decoder.unfinished)
    return (before, false)
  }

  private enum Answer {
    case isOwed(Bool)
    /// The stub has not answered; what is known suggests that the guest ran.
    case isLikelyOwed
    /// Whether the guest is known to have run, and all that the stub said before the greeting.
    case linkIsBroken(ran: Bool, Exchange.Before?)
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
        if isBefore { before.addCutOff(decoder.unfinished) }
        return .linkIsBroken(
          ran: record.hasRun
            || before.showsThatGuestRan(record.contact, isWhole: !isBefore),
          isBefore ? nil : before)
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

  /// - Parameters:
  ///   - record: with what the connection begins.
  ///   - isKnown: an earlier connection of the owner was to QEMU.
  init(_ address: [UInt8], _ record: DebtRecord, isKnown: Bool) {
    let family = address.withUnsafeBytes { unsafe $0.loadUnaligned(as: sa_family_t.self) }
    self.address = Socket.Address(family: Int32(family), bytes: address, isLoopback: false)
    (self.record, self.isKnown) = (record, isKnown || record.ran)
  }

  mutating func settle() {
    let deadline = ContinuousClock.now + Self.patience
    repeat {
      switch connectAndSettle() {
      case .isSettled: return
      case .linkIsBroken(let next):
        record = next
        isKnown = isKnown || next.ran
      case nil: break
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
