import GuestScopeBytes

/// Matches what comes back with the requests that were written in one go.
///
/// QEMU answers strictly in order, a `+` and then the reply, so a reply belongs to the first
/// request that has none. When a request is lost on the way, later replies may be taken for those
/// of earlier ones, and ``isComplete`` never turns true: no reply is to be believed before that.
public struct Exchange: Sendable {
  /// The most bytes that a monitor command may print.
  public static let monitorOutputLimit = 1 << 20
  /// The most unrequested packets that one exchange accepts: more than the stops that others could cause in
  /// its time.
  static let unaskedLimit = 64

  public let requests: [Request]
  /// What was answered so far, in the order of the requests.
  public private(set) var replies: [Reply] = []
  /// Stop replies that came in between.
  public private(set) var stopReplies: [StopReply] = []

  private var decoder: PacketDecoder
  private var acks = 0
  /// The first request without a reply has had its `+`.
  private var isAcked = false
  private var sawPacket = false
  private var unasked = 0
  private var lastAnswer: [UInt8]?
  private var monitorOutput: [UInt8] = []
  private var failure: ProtocolError?

  /// - Parameter packetLimit: the most bytes in one reply.
  public init(_ requests: [Request], packetLimit: Int = PacketDecoder.defaultPacketLimit) {
    self.requests = requests
    decoder = PacketDecoder(packetLimit: packetLimit)
    replies.reserveCapacity(requests.count)
  }

  /// Every request has its reply; for ``Request/resume`` that is the stub's `+`.
  public var isComplete: Bool { replies.count == requests.count && failure == nil }

  /// What a stub says before it takes the ``Request/greeting``: news, and the last packet again that
  /// it has sent anybody, if that was never acknowledged.
  public struct Before: Sendable, Equatable {
    /// Stop replies. Two when the guest was running until we connected: QEMU reports the stop and,
    /// asked by the greeting's `-`, says so again. One is of a stop that no client has seen.
    public var stops = 0
    /// The refusal of a ``Request/markStopped``: since a client of our kind left the guest stopped,
    /// nobody has spoken to the stub, and it has reported no stop.
    public var hasMark = false

    public init(stops: Int = 0, hasMark: Bool = false) {
      (self.stops, self.hasMark) = (stops, hasMark)
    }

    /// What one packet says.
    public init(_ payload: [UInt8]) { add(payload) }

    /// What is said where something cannot be understood, before it and after it.
    public init(saidIn bytes: some Sequence<UInt8>) {
      var decoder = PacketDecoder()
      decoder.feed(bytes)
      while let incoming = decoder.next() {
        if case .packet(let payload) = incoming { add(payload) }
      }
      addCutOff(decoder.unfinished)
    }

    /// Takes in what came of a packet of which the rest will not come: `$T02…` is a stop reply all the same.
    public mutating func addCutOff(_ bytes: ArraySlice<UInt8>) {
      if bytes.starts(with: Array("$T".utf8)) { stops += 1 }
    }

    public static func += (before: inout Before, more: Before) {
      before.stops += more.stops
      if more.hasMark { before.hasMark = true }
    }

    /// Takes in the payload of a packet.
    public mutating func add(_ payload: [UInt8]) {
      if StopReply(payload) != nil { stops += 1 }
      if payload == Array("E22".utf8) { hasMark = true }
    }
  }

  /// What came before the first acknowledgement.
  public private(set) var before = Before()

  /// The stub has taken a packet.
  public var hasAck: Bool { acks > 0 }

  /// The stub has taken a packet and said nothing else.
  public var hasOnlyAck: Bool { acks == 1 && !sawPacket && decoder.unfinished.isEmpty }

  /// The bytes at the end that are not a whole packet yet.
  public var unfinished: ArraySlice<UInt8> { decoder.unfinished }

  /// What to report when no more will come: nil when the exchange is complete.
  public var shortfall: ProtocolError? {
    if let failure { return failure }
    guard let awaiting else { return nil }
    if !sawPacket, !decoder.unfinished.isEmpty, decoder.unfinished.first != UInt8(ascii: "$") {
      return .notAGDBServer(said: Array(decoder.unfinished))
    }
    return .incomplete(
      awaiting: awaiting, answered: replies.count, of: requests.count,
      unfinished: Array(decoder.unfinished.prefix(64)))
  }

  /// Takes in what was received.
  ///
  /// - Throws: for the first thing that is wrong, and the same error ever after.
  public mutating func feed(_ bytes: some Sequence<UInt8>) throws(ProtocolError) {
    if let failure { throw failure }
    decoder.feed(bytes)
    do throws(ProtocolError) {
      while let incoming = decoder.next() { try take(incoming) }
    } catch {
      failure = error
      throw error
    }
  }

  private var awaiting: Request? { replies.count < requests.count ? requests[replies.count] : nil }

  private mutating func take(_ incoming: Incoming) throws(ProtocolError) {
    switch incoming {
    case .ack: try takeAck()
    case .nack: try takeNack()
    case .packet(let payload):
      sawPacket = true
      try takePacket(payload)
    // Only non-stop mode, which we never ask for, has any; nothing waits for one.
    case .notification(let payload):
      sawPacket = true
      try countUnasked(payload)
    case .corrupted(let corruption, let start):
      throw .corrupted(corruption, start: start, awaiting: awaiting)
    case .noise(let bytes):
      // Not even `+` or `-` proves a stub: POP3 begins with `+OK`, Redis with `-ERR`.
      throw sawPacket ? .noise(bytes, awaiting: awaiting) : .notAGDBServer(said: bytes)
    }
  }

  private mutating func takeAck() throws(ProtocolError) {
    guard let awaiting else { throw .unrequested([UInt8(ascii: "+")]) }
    // The ack of the packet after it: this one was swallowed without a reply.
    guard !isAcked else { throw .unanswered(awaiting) }
    acks += 1
    isAcked = true
    if awaiting == .resume { finish(.acknowledged) }
  }

  private mutating func takeNack() throws(ProtocolError) {
    guard let awaiting else { throw .unrequested([UInt8(ascii: "-")]) }
    guard awaiting == .greeting, replies.isEmpty, !isAcked else { throw .notAccepted(awaiting) }
    finish(.refused)
  }

  private mutating func takePacket(_ payload: [UInt8]) throws(ProtocolError) {
    // A `-` may be noise: what QEMU says before it takes the greeting is then still to come.
    let isBefore =
      !isAcked && requests.first == .greeting && (replies.isEmpty || replies == [.refused])
    if isBefore { before.add(payload) }
    let stop = StopReply(payload)
    if let stop { stopReplies.append(stop) }
    guard !isBefore, stop == nil else { return try countUnasked(payload) }
    // A stub that acknowledges does so each time, so without one this answers nothing of ours.
    let isAnswer = isAcked || acks == 0
    if payload.first == UInt8(ascii: "O"), let text = payload.dropFirst().decodedHex {
      // Else it is console output, which the protocol lets come at any time.
      guard isAnswer, !text.isEmpty, case .monitor(let command) = awaiting else {
        return try countUnasked(payload)
      }
      return try appendOutput(text, of: command)
    }
    guard isAnswer, let awaiting else {
      throw payload == lastAnswer ? .repeated(payload) : .unrequested(payload)
    }
    lastAnswer = payload
    // A dead client's half packet and our `$` may by chance add up, and the stub answers that.
    if awaiting == .greeting, replies.isEmpty {
      finish(.unsupported)
    } else {
      try finish(reply(payload, to: awaiting))
    }
  }

  private mutating func countUnasked(_ payload: [UInt8]) throws(ProtocolError) {
    unasked += 1
    guard unasked <= Self.unaskedLimit else { throw .unrequested(payload) }
  }

  private mutating func reply(
    _ payload: [UInt8], to request: Request
  ) throws(ProtocolError) -> Reply {
    let reply = try Reply(payload, to: request)
    guard case .monitor(let command) = request else { return reply }
    switch reply {
    case .ok: break
    case .bytes(let last): try appendOutput(last, of: command)
    default: return reply
    }
    defer { monitorOutput = [] }
    return .monitorOutput(monitorOutput.textWithUnixLineEnds)
  }

  private mutating func appendOutput(
    _ text: [UInt8], of command: MonitorCommand
  ) throws(ProtocolError) {
    guard monitorOutput.count + text.count <= Self.monitorOutputLimit else {
      throw .monitorOutputTooLong(command, limit: Self.monitorOutputLimit)
    }
    monitorOutput += text
  }

  private mutating func finish(_ reply: Reply) {
    replies.append(reply)
    isAcked = false
    // A stub without acks has nothing to say to `c`.
    if acks == 0, reply != .refused, awaiting == .resume { finish(.acknowledged) }
  }
}

extension [UInt8] {
  /// The text with `\n` for the monitor's `\r\n`, which Swift would take for one character.
  fileprivate var textWithUnixLineEnds: String {
    String(decoding: filter { $0 != UInt8(ascii: "\r") }, as: UTF8.self)
  }
}
