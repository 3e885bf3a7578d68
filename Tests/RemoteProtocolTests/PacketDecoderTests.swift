import TestSupport
import Testing

@testable import GuestScopeRemoteProtocol

/// All items of a stream that comes in the given pieces.
private func items(
  of chunks: some Sequence<ArraySlice<UInt8>>, limit: Int = PacketDecoder.defaultPacketLimit
) -> [Incoming] {
  var decoder = PacketDecoder(packetLimit: limit)
  var items: [Incoming] = []
  var held = 0
  for chunk in chunks {
    decoder.feed(chunk)
    while let item = decoder.next() { items.append(item) }
    held = max(held, decoder.unfinished.count)
  }
  // One unfinished item: a packet with its frame, or noise.
  #expect(held <= max(limit + 3, PacketDecoder.noiseLimit))
  return items
}

private func items(of text: String, limit: Int = PacketDecoder.defaultPacketLimit) -> [Incoming] {
  items(of: [ascii(text)[...]], limit: limit)
}

@Test func whatStandsInAStream() {
  #expect(
    items(of: "+$OK#9a-$#00%Stop:T05#99$T02thread:01;#04") == [
      .ack, .packet(ascii("OK")), .nack, .packet([]), .notification(ascii("Stop:T05")),
      .packet(ascii("T02thread:01;")),
    ])
}

@Test func checksumsAreTakenInEitherCase() {
  #expect(items(of: "$l#6c$l#6C") == [.packet(ascii("l")), .packet(ascii("l"))])
}

@Test func badPacketsAreReportedAndLeft() {
  #expect(
    items(of: "$OK#9b+") == [
      .corrupted(.checksum(computed: 0x9a, received: 0x9b), start: ascii("$OK#9b")), .ack,
    ])
  #expect(
    items(of: "$OK#+-$l#6c") == [
      .corrupted(.checksumDigits, start: ascii("$OK#")), .ack, .nack, .packet(ascii("l")),
    ])
  #expect(
    items(of: "$53ff$OK#9a") == [
      .corrupted(.cutShort, start: ascii("$53ff")), .packet(ascii("OK")),
    ])
  #expect(items(of: "$OK#9").isEmpty)
}

@Test func runLengthsAndEscapesAreExpanded() {
  // `*` and a space is three more; `*` and `~` the most, 97 more.
  #expect(items(of: "$0* #7a") == [.packet(ascii("0000"))])
  #expect(items(of: "$0*~#d8") == [.packet([UInt8](repeating: 0x30, count: 98))])
  #expect(items(of: "$ab*\"c*!de#86") == [.packet(ascii("abbbbbbcccccde"))])
  // QEMU escapes `#`, `$`, `*` and `}` in documents.
  #expect(items(of: "$m}\u{3}}\u{4}}\u{a}}]#cf") == [.packet(ascii("m#$*}"))])
  // A run repeats the byte as written: `}]]]]` is one `}` and three `]`.
  #expect(items(of: "$}]* #24") == [.packet(ascii("}]]]"))])
}

@Test(arguments: ["*", "* ", "a*", "a*\u{1f}", "a*\u{7f}", "}", "a}", "a}*", "**  "])
func whatExpandsToNothingIsCorrupted(payload: String) {
  let bytes = packet(payload)
  let decoded = items(of: [bytes[...]])
  #expect(decoded == [.corrupted(.encoding, start: bytes)], "\(payload)")
}

@Test func aLongPacketIsGivenUpWithoutBeingKept() {
  let long = "$" + String(repeating: "0", count: 101) + "#d0+$OK#9a"
  let expected: [Incoming] = [
    .corrupted(.tooLong(limit: 100), start: ascii("$" + String(repeating: "0", count: 63))),
    .ack, .packet(ascii("OK")),
  ]
  #expect(items(of: long, limit: 100) == expected)
  #expect(items(of: ascii(long).chunks(of: 1), limit: 100) == expected)
  // One byte less is no error.
  let allowed = String(repeating: "0", count: 100)
  #expect(items(of: [packet(allowed)[...]], limit: 100) == [.packet(ascii(allowed))])
}

/// Else a large packet in small pieces would take time that grows with the square of its length.
@Test func noByteIsScannedTwice() {
  var decoder = PacketDecoder()
  decoder.feed(ascii("+$"))
  #expect(decoder.next() == .ack)
  for count in 1...1000 {
    #expect(decoder.next() == nil)
    #expect(decoder.scanned == count)
    decoder.feed([0x30])
    #expect(decoder.unfinished.count == count + 1)
  }
}

@Test func anEndlessPacketTakesNoMemory() {
  let zeros = [UInt8](repeating: 0x30, count: 100)[...]
  let pieces = [ascii("$")[...]] + [ArraySlice<UInt8>](repeating: zeros, count: 10_000)
  #expect(items(of: pieces, limit: 1000).count == 1)
}

@Test func runsCannotBlowUpAPacket() {
  // 20 wire bytes would be 980.
  let bomb = packet(String(repeating: "0*~", count: 10))
  #expect(
    items(of: [bomb[...]], limit: 500) == [
      .corrupted(.tooLong(limit: 500), start: Array(bomb.prefix(64)))
    ])
}

@Test func noiseIsCutIntoLines() {
  #expect(
    items(of: "SSH-2.0-OpenSSH_9.2+x\r\n-$OK#9a") == [
      .noise(ascii("SSH-2.0-OpenSSH_9.2+x\r\n")), .nack, .packet(ascii("OK")),
    ])
  #expect(items(of: "login: $OK#9a") == [.noise(ascii("login: ")), .packet(ascii("OK"))])
  let endless = [UInt8](repeating: 0xff, count: PacketDecoder.noiseLimit + 1)
  #expect(items(of: [endless[...]]) == [.noise(Array(endless.dropLast()))])
}

/// Streams of everything that means something to the decoder, and of anything.
private func garbage(using random: inout SplitMix) -> [UInt8] {
  let words = [
    "+", "-", "$", "%", "#", "}", "*", "\n", "$OK#9a", "$0*~#d8", "$#00", "$l#6c", "%Stop#a6",
    "$53ff00f053ff00f0#54", "$}]#da", "#00", "00", "*~", "E22", "O", "SSH-2.0\r\n", "$O4b0a#76",
  ]
  var bytes: [UInt8] = []
  for _ in 0..<Int.random(in: 1...300, using: &random) {
    switch Int.random(in: 0..<8, using: &random) {
    case 0: bytes.append(.random(in: .min ... .max, using: &random))
    case 1: bytes += packet([UInt8](repeating: 0x61, count: .random(in: 0...80, using: &random)))
    default: bytes += ascii(words.randomElement(using: &random)!)
    }
  }
  return bytes
}

@Test(arguments: seeds)
func anyChunkingGivesTheSameItems(seed: UInt64) {
  var random = SplitMix(state: seed)
  for round in 0..<30 {
    let stream = garbage(using: &random)
    let limit = [8, 40, 1000].randomElement(using: &random)!
    let whole = items(of: [stream[...]], limit: limit)
    #expect(items(of: stream.chunks(of: 1), limit: limit) == whole, "round \(round)")
    #expect(items(of: stream.chunks(using: &random), limit: limit) == whole, "round \(round)")
  }
}

/// A packet of any bytes, encoded as a stub would, comes out as it went in.
@Test(arguments: seeds)
func anyPayloadComesThrough(seed: UInt64) {
  var random = SplitMix(state: seed)
  for _ in 0..<100 {
    let payload = (0..<Int.random(in: 0...300, using: &random)).map { _ in
      UInt8.random(in: .min ... .max, using: &random)
    }
    var wire: [UInt8] = []
    for byte in payload {
      if "#$}*".utf8.contains(byte) {
        wire += [UInt8(ascii: "}"), byte ^ 0x20]
      } else {
        wire.append(byte)
      }
    }
    #expect(items(of: packet(wire).chunks(using: &random)) == [.packet(payload)])
  }
}

/// One changed byte is never taken for the packet that was sent.
@Test(arguments: seeds)
func aChangedByteIsSeen(seed: UInt64) {
  var random = SplitMix(state: seed)
  let good = packet("53ff00f053ff00f0")
  for index in good.indices {
    for _ in 0..<20 {
      var bad = good
      bad[index] ^= .random(in: 1...255, using: &random)
      // The checksum's digits mean the same in upper case.
      guard
        String(decoding: bad, as: UTF8.self).lowercased() != String(decoding: good, as: UTF8.self)
      else { continue }
      #expect(!items(of: [bad[...]]).contains(.packet(ascii("53ff00f053ff00f0"))), "\(bad)")
    }
  }
}
