import Foundation

/// QEMU's bytes as they come, cut into acknowledgements and packets, none of which is changed.
struct StubWords {
  private var rest: [UInt8] = []

  /// The words that are whole by now.
  mutating func take(_ bytes: [UInt8]) -> [[UInt8]] {
    rest += bytes
    var words: [[UInt8]] = []
    var start = 0
    while start < rest.count, let end = end(ofWordAt: start) {
      words.append(Array(rest[start..<end]))
      start = end
    }
    rest.removeSubrange(..<start)
    return words
  }

  private func end(ofWordAt start: Int) -> Int? {
    guard rest[start] == UInt8(ascii: "$") else { return start + 1 }
    guard let hash = rest[start...].firstIndex(of: UInt8(ascii: "#")) else { return nil }
    return hash + 3 <= rest.count ? hash + 3 : nil
  }
}

extension [UInt8] {
  /// What is between `$` and `#` of a word that is a packet.
  var stubPayload: ArraySlice<UInt8>? {
    first == UInt8(ascii: "$") && count >= 4 ? self[1..<count - 3] : nil
  }

  /// The word `$payload#checksum`.
  init(stubPayload payload: some Collection<UInt8>) {
    let digits = String(payload.reduce(0 as UInt8, &+), radix: 16)
    self = [UInt8(ascii: "$")]
    append(contentsOf: payload)
    append(contentsOf: (digits.utf8.count < 2 ? "#0" : "#").utf8)
    append(contentsOf: digits.utf8)
  }

  /// A packet that reports a stop, or the end, of the guest.
  var isStopReply: Bool {
    stubPayload?.first.map { [UInt8(ascii: "T"), UInt8(ascii: "W")].contains($0) } ?? false
  }

  /// The refusal that a session leaves in QEMU when it leaves the guest stopped.
  var isMark: Bool { self == Array("$E22#a9".utf8) }

  /// What the monitor says of the guest's run state, or of QEMU's version, which says how to take
  /// that.
  var isStatusText: Bool {
    guard let payload = stubPayload, payload.first == UInt8(ascii: "O") else { return false }
    let digits = String(decoding: payload.dropFirst(), as: UTF8.self)
    // In hex: `VM status`, or the number and the full stop that a version begins with.
    return digits.hasPrefix("564d20737461747573")
      || digits.range(of: "^(3[0-9]){1,2}2e3", options: .regularExpression) != nil
  }
}
