import TestSupport

/// What a link does to QEMU's words on their way to the program.
struct Tampering: Sendable {
  enum Kind: Sendable {
    /// Some of what comes waits, up to 20 ms.
    case delays
    /// Each byte comes by itself.
    case splits
    /// Nothing comes for up to two seconds.
    case stalls
    /// One bit is another, so that a checksum is wrong.
    case checksums
    /// A packet is shorter or longer than it was, and its checksum is right.
    case lengths
    /// From the middle of a word on nothing comes any more.
    case losesTail
    /// Bytes come that QEMU has not sent.
    case garbage
    /// Reports of a stop come without end.
    case endlessStops
    /// The connection is closed, or reset.
    case closes, resets
    /// Of the run state itself: no stop is reported, or the monitor says another state.
    case takesStops, changesStatus
  }

  /// How long it goes on once it has begun.
  enum Scope: Sendable { case word, connection, session }

  var kind: Kind
  var scope: Scope
  /// Where it begins, in bytes that QEMU has said in all.
  var place: Int

  /// - Parameter kind: what is done; how long and where are drawn.
  init(_ kind: Kind, using random: inout SplitMix) {
    self.kind = kind
    // The first words decide most.
    place = Int.random(in: 0..<1 << Int.random(in: 3...15, using: &random), using: &random)
    let scopes: [Scope] =
      switch kind {
      case .delays, .splits, .takesStops, .changesStatus: [.session]
      case .checksums: [.word, .connection, .session]
      case .losesTail, .endlessStops: [.connection, .session]
      case .lengths, .garbage: [.word, .connection]
      case .stalls, .closes, .resets: [.word]
      }
    scope = scopes.randomElement(using: &random)!
    if kind == .takesStops || kind == .changesStatus { place = 0 }
  }

  /// What becomes of one word.
  enum Change {
    case none
    case instead([UInt8])
    case late(microseconds: UInt32)
    case bytewise
    /// These, and then nothing more on this connection.
    case last([UInt8])
    case endlessStops
    case close, reset
  }

  func change(of word: [UInt8], using random: inout SplitMix) -> Change {
    switch kind {
    case .delays:
      return Int.random(in: 0..<8, using: &random) == 0
        ? .late(microseconds: .random(in: 0..<20_000, using: &random)) : .none
    case .splits: return .bytewise
    case .stalls: return .late(microseconds: .random(in: 100_000..<2_000_000, using: &random))
    case .checksums:
      var word = word
      let at = Int.random(in: 0..<word.count, using: &random)
      word[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      return .instead(word)
    case .lengths:
      guard let payload = word.stubPayload else { return .none }
      return .instead([UInt8](stubPayload: resized(payload, using: &random)))
    case .losesTail: return .last(Array(word.prefix(.random(in: 0..<word.count, using: &random))))
    case .garbage:
      let count = 1 << Int.random(in: 0...9, using: &random)
      var bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      // What begins a packet takes the word after it away.
      if word.isStopReply || word.isMark { bytes.removeAll { "$%".utf8.contains($0) } }
      return .instead(bytes + word)
    case .endlessStops: return .endlessStops
    case .closes: return .close
    case .resets: return .reset
    case .takesStops: return word.isStopReply ? .instead([]) : .none
    case .changesStatus:
      guard word.isStatusText else { return .none }
      let states = ["running", "paused", "paused (guest-panicked)", "paused (prelaunch)", "", "?"]
      let text = "VM status: \(states.randomElement(using: &random)!)\r\n"
      let digits = text.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      return .instead([UInt8](stubPayload: ("O" + digits).utf8))
    }
  }

  private func resized(
    _ payload: ArraySlice<UInt8>, using random: inout SplitMix
  ) -> ArraySlice<UInt8> {
    switch Int.random(in: 0..<3, using: &random) {
    case 0 where !payload.isEmpty:
      return payload.prefix(.random(in: 0..<payload.count, using: &random))
    case 1: return payload + payload
    default: return payload + Array("0".utf8)
    }
  }

  /// Whether doing so to this word changes what says whether the guest ran.
  ///
  /// - Parameter hasToldStop: a stop was reported on this connection before.
  func isOfRunState(_ word: [UInt8], hasToldStop: Bool) -> Bool {
    switch kind {
    case .delays, .splits, .stalls: false
    case .checksums, .losesTail: word.isStopReply || word.isMark
    case .lengths: word.isStopReply || word.isMark || word.isStatusText
    // It is known what ended, unless this was the first word of a stop.
    case .closes, .resets: word.isStopReply && !hasToldStop
    case .garbage: false
    case .endlessStops: true
    case .takesStops: word.isStopReply
    case .changesStatus: word.isStatusText
    }
  }
}
