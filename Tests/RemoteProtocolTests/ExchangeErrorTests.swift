import TestSupport
import Testing

@testable import GuestScopeRemoteProtocol

private let read = Request.readMemory(address: 0x1000, count: 2)

/// What a stream is refused with.
private func failure(of requests: [Request], _ received: [UInt8]) -> ProtocolError? {
  do {
    _ = try run(requests, received)
    return nil
  } catch {
    return error
  }
}

@Test(
  arguments: [
    ("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "SSH-2.0-OpenSSH_9.2p1 Debian-2"),
    ("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "HTTP/1.1 400 Bad Request"),
    (#"{"QMP": {"version": {}}}"# + "\r\n", #"{"QMP": {"version": {}}}"#),
    ("+OK POP3 ready\r\n", "OK POP3 ready"),
    ("-ERR unknown command\r\n", "ERR unknown command"),
    ("\u{1b}[H\n", #"\x1b[H"#),
  ])
func whatIsNoGDBServerIsQuoted(said: String, quoted: String) throws {
  let error = try #require(failure(of: [.greeting, read, .resume], ascii(said)))
  #expect(error.description == "not a gdbserver: it answered \"\(quoted)\"")
  // However it is cut.
  var exchange = Exchange([.greeting, read, .resume])
  #expect(throws: error) {
    for byte in ascii(said) { try exchange.feed([byte]) }
  }
}

@Test func aPromptWithoutALineEndIsQuotedWhenTheTimeIsUp() throws {
  let exchange = try run([.greeting, read], "login: ")
  #expect(exchange.shortfall == .notAGDBServer(said: ascii("login: ")))
  #expect(
    try run([read], "+$12").shortfall?.description
      == #"no reply to $m1000,2#8c (0 of 1 answered), only "$12""#)
}

@Test func noiseAmongPacketsIsAnError() {
  #expect(
    failure(of: [read, read], ascii("+$1234#cagarbage\n"))
      == .noise(ascii("garbage\n"), awaiting: read))
}

@Test(
  arguments: [
    (.noise(ascii("x\n"), awaiting: nil), "bytes outside any packet: \"x\""),
    (
      .corrupted(.checksum(computed: 0xca, received: 0), start: ascii("$1234#00"), awaiting: read),
      "corrupted packet instead of the reply to $m1000,2#8c: its checksum is 0x0 where 0xca is "
        + "right: \"$1234#00\""
    ),
    (.notAccepted(.resume), "the stub refused the checksum of $c#63"),
    (
      .unanswered(read),
      "no reply to $m1000,2#8c, though the stub went on to the next packet"
    ),
    (.unexpectedReply(ascii("12"), to: read), "unexpected reply to $m1000,2#8c: \"12\""),
    (
      .unrequested([UInt8](repeating: 0x61, count: 65)),
      "a reply that nothing asked for: \"\(String(repeating: "a", count: 64))…\""
    ),
    (
      .monitorOutputTooLong(.memoryTree, limit: 9),
      "the output of `info mtree -f` is longer than 9 bytes"
    ),
    (
      .incomplete(awaiting: read, answered: 1, of: 3, unfinished: []),
      "no reply to $m1000,2#8c (1 of 3 answered)"
    ),
  ] as [(ProtocolError, String)])
func errorsSayWhatCame(error: ProtocolError, text: String) {
  #expect(error.description == text)
}

@Test func aWrongChecksumIsAnError() {
  #expect(
    failure(of: [read], ascii("+$1234#00"))
      == .corrupted(
        .checksum(computed: 0xca, received: 0), start: ascii("$1234#00"), awaiting: read))
}

@Test(
  arguments: [
    // Fewer and more bytes than asked for, half a byte, no hex, no reply of this kind.
    (read, "12"), (read, "123456"), (read, "123"), (read, "12345"), (read, "12x4"), (read, "OK"),
    (read, "E1"), (read, "E.no"), (read, "Ezz"),
    (.readRegisters, "xxxxxxxx"), (.readRegister(1), "0"),
    (.physicalMemoryMode, "2"), (.physicalMemoryMode, "OK"),
    (.setPhysicalMemoryMode(true), "0"), (.selectThread(ThreadID(1)), "1"),
    (.readFeature(annex: "a", offset: 0, count: 2), "x12"),
    (.readFeature(annex: "a", offset: 0, count: 2), "m123"),
    (.monitor(.status), "o4"), (.monitor(.status), "O4"), (.resume, "OK"), (.greeting, "OK"),
  ] as [(Request, String)])
func aReplyOfTheWrongKindIsAnError(request: Request, payload: String) {
  // The ack of `c` is its reply, so that any packet after it is too much.
  let expected: ProtocolError =
    request == .resume
    ? .unrequested(ascii(payload)) : .unexpectedReply(ascii(payload), to: request)
  // Behind a first request, for a leading empty packet takes anything.
  #expect(failure(of: [.greeting, request], reply("") + reply(payload)) == expected)
}

@Test func errorsAndRefusalsAreReplies() throws {
  // QEMU writes an errno in decimal: 14 is EFAULT.
  #expect(try run([read], reply("E14")).replies == [.error(code: 14)])
  #expect(try run([read], reply("Eff")).replies == [.error(code: 255)])
  #expect(try run([read], reply("")).replies == [.unsupported])
  // Three bytes that look like an error in upper case are six digits.
  #expect(
    try run([.readMemory(address: 0, count: 3)], reply("E14E14")).replies
      == [.bytes([0xe1, 0x4e, 0x14])])
}

@Test func aRefusedPacketIsAnErrorExceptForTheFirstEmptyOne() {
  #expect(failure(of: [read], ascii("-")) == .notAccepted(read))
  #expect(failure(of: [.greeting, read], ascii("--")) == .notAccepted(read))
  #expect(failure(of: [.greeting, read], ascii("+$#00-")) == .notAccepted(read))
  #expect(failure(of: [.greeting, .resume], ascii("-+-")) == .unrequested(ascii("-")))
}

@Test func anAckTooManyIsALostReply() {
  #expect(failure(of: [read, read], ascii("++")) == .unanswered(read))
  #expect(failure(of: [.resume], ascii("++")) == .unrequested(ascii("+")))
}

@Test func aReplyTooManyIsAnError() {
  #expect(failure(of: [read], ascii("+$1234#ca$4321#ca")) == .unrequested(ascii("4321")))
  // This stub acknowledges, so a reply without an ack answers nothing.
  #expect(failure(of: [read, read], ascii("+$1234#ca$4321#ca")) == .unrequested(ascii("4321")))
}

/// gdbserver 13 waits for a `+` after each reply and takes every byte that is none for a `-`.
@Test func aStubThatWaitsForAcksIsRecognized() {
  #expect(failure(of: [.physicalMemoryMode, read], ascii("+$#00$#00$#00")) == .repeated([]))
  #expect(failure(of: [read], ascii("+$1234#ca$1234#ca")) == .repeated(ascii("1234")))
}

@Test func anErrorStays() {
  var exchange = Exchange([read, read])
  #expect(throws: ProtocolError.self) { try exchange.feed(ascii("+$12#63")) }
  #expect(throws: ProtocolError.unexpectedReply(ascii("12"), to: read)) {
    try exchange.feed(ascii("+$1234#ca"))
  }
  #expect(exchange.shortfall == .unexpectedReply(ascii("12"), to: read))
  #expect(!exchange.isComplete)
}

@Test func aMonitorThatNeverStopsIsCutOff() {
  let line = packet(ascii("O") + [UInt8](repeating: 0x61, count: 1 << 16))
  var exchange = Exchange([.monitor(.memoryTree)])
  #expect(
    throws: ProtocolError.monitorOutputTooLong(.memoryTree, limit: Exchange.monitorOutputLimit)
  ) {
    try exchange.feed(ascii("+"))
    for _ in 0...32 { try exchange.feed(line) }
  }
}

/// Stops, notifications, console output of nobody's command, and such as says nothing.
@Test(arguments: ["$T05#b9", "%x#78", "$O41#b4", "$O#4f"])
func packetsThatNothingAskedForDoNotComeWithoutEnd(packet: String) throws {
  for request in [read, .monitor(.status)] where packet != "$O41#b4" || request == read {
    var exchange = Exchange([request])
    try exchange.feed(ascii("+"))
    for _ in 0..<Exchange.unaskedLimit { try exchange.feed(ascii(packet)) }
    #expect(throws: ProtocolError.unrequested(Array(ascii(packet).dropFirst().dropLast(3)))) {
      try exchange.feed(ascii(packet))
    }
  }
}

/// Whatever a stub sends, an exchange ends in an error or goes on waiting, and two that are fed the
/// same in other pieces agree.
@Test(arguments: seeds)
func anyStreamIsSurvived(seed: UInt64) {
  var random = SplitMix(state: seed)
  let requests: [Request] = [
    .greeting, .supported, .physicalMemoryMode, .setPhysicalMemoryMode(true),
    .readMemory(address: 0, count: 2), .monitor(.version),
    .readFeature(annex: "a", offset: 0, count: 9), .resume,
  ]
  let payloads = [
    "", "OK", "0", "1", "m01", "l", "1234", "O4142", "E14", "mabc", "T02thread:01;", "W00", "O",
    "Hg", "PacketSize=1000",
  ]
  for round in 0..<100 {
    var stream: [UInt8] = []
    for _ in 0..<Int.random(in: 1...30, using: &random) {
      switch Int.random(in: 0..<20, using: &random) {
      case 0: stream.append(.random(in: .min ... .max, using: &random))
      case 1: stream += ascii("-")
      case 2: stream += packet(payloads.randomElement(using: &random)!)
      default: stream += reply(payloads.randomElement(using: &random)!)
      }
    }
    let wanted = (0..<Int.random(in: 1...9, using: &random)).map { _ in
      requests.randomElement(using: &random)!
    }
    let outcomes = [[stream[...]], stream.chunks(of: 1), stream.chunks(using: &random)].map {
      var exchange = Exchange(wanted)
      for chunk in $0 { try? exchange.feed(chunk) }
      return (exchange.replies, exchange.stopReplies, exchange.shortfall)
    }
    for outcome in outcomes.dropFirst() {
      #expect(outcome == outcomes[0], "round \(round): \(stream.traceText)")
    }
  }
}
