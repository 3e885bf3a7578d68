import GuestScopeBytes
import TestSupport
import Testing

@testable import GuestScopeRemoteProtocol

/// A whole minimal session with QEMU 7.2 and a running guest: one write, one read.
private let session = Transcript(
  #"""
  -> -$#00
  -> $qqemu.PhyMemMode#2c
  -> $Qqemu.PhyMemMode:1#77
  -> $Hg2#e1
  -> $p1d#05
  -> $qXfer:features:read:target.xml:0,1#7c
  -> $p1d#05
  -> $m7c00,10#f4
  -> $m7c00,801#2c
  -> $Qqemu.PhyMemMode:0#76
  -> $c#63
  The guest was running; an empty packet means "unsupported"; the mode was 0.
  <- $T02thread:01;#04$T02thread:01;#04+$#00+$0#30
  The mode is 1, vCPU 2 is selected; `p` is refused before the first qXfer.
  <- +$OK#9a+$OK#9a+$#00+$m<#a9+$0000000000000000#00
  2049 bytes are more than QEMU gives.
  <- +$00000000000000000000000000000000#00+$E22#a9
  The ack of `c` is the last: the guest runs.
  <- +$OK#9a+
  """#)

private let sessionRequests: [Request] = [
  .greeting, .physicalMemoryMode, .setPhysicalMemoryMode(true), .selectThread(ThreadID(2)),
  .readRegister(0x1d), .readFeature(annex: "target.xml", offset: 0, count: 1), .readRegister(0x1d),
  .readMemory(address: 0x7c00, count: 16), .readMemory(address: 0x7c00, count: 0x801),
  .setPhysicalMemoryMode(false), .resume,
]

private let zeros = [UInt8](repeating: 0, count: 16)

private let sessionReplies: [Reply] = [
  .unsupported, .physicalMemoryMode(false), .ok, .ok, .unsupported,
  .feature(Array("<".utf8), isLast: false), .bytes(Array(zeros.prefix(8))), .bytes(zeros),
  .error(code: 22), .ok, .acknowledged,
]

@Test func aSessionIsMatchedReplyByReply() throws {
  var sent: [UInt8] = []
  for request in sessionRequests { request.encode(into: &sent) }
  #expect(sent == session.bytes(.sent))

  let exchange = try run(sessionRequests, session.bytes(.received))
  #expect(exchange.isComplete)
  #expect(exchange.shortfall == nil)
  #expect(exchange.replies == sessionReplies)
  #expect(exchange.before == Exchange.Before(stops: 2))
  #expect(exchange.stopReplies.map(\.reason) == [.signal(2), .signal(2)])
}

/// The exchange after a whole reply stream.
func run(_ requests: [Request], _ received: [UInt8]) throws(ProtocolError) -> Exchange {
  var exchange = Exchange(requests)
  try exchange.feed(received)
  return exchange
}

func run(_ requests: [Request], _ received: String) throws(ProtocolError) -> Exchange {
  try run(requests, ascii(received))
}

@Test func theSessionIsCompleteWithItsLastByteAndNotBefore() throws {
  let received = session.bytes(.received)
  var exchange = Exchange(sessionRequests)
  for byte in received.dropLast() {
    try exchange.feed([byte])
    #expect(!exchange.isComplete)
    #expect(exchange.shortfall != nil)
  }
  try exchange.feed(received.suffix(1))
  #expect(exchange.isComplete)
  #expect(exchange.replies == sessionReplies)
}

@Test(arguments: seeds)
func anyChunkingGivesTheSameReplies(seed: UInt64) throws {
  var random = SplitMix(state: seed)
  for _ in 0..<50 {
    var exchange = Exchange(sessionRequests)
    for chunk in session.bytes(.received).chunks(using: &random) { try exchange.feed(chunk) }
    #expect(exchange.isComplete)
    #expect(exchange.replies == sessionReplies)
  }
}

/// What QEMU 7.2 answered to `[empty, PhyMemMode?, PhyMemMode?, c]` after a client that died having
/// sent the given bytes.
@Test(
  arguments: [
    // In the middle of a packet: our `$#00` ends it, with a wrong checksum.
    ("$m1234", "-+$0#30+$0#30+", .refused),
    ("$", "-+$0#30+$0#30+", .refused),
    ("$m1234,8#", "-+$0#30+$0#30+", .refused),
    ("$m1234,8#3", "-+$0#30+$0#30+", .refused),
    ("$m}", "-+$0#30+$0#30+", .refused),
    ("$m0*", "-+$0#30+$0#30+", .refused),
    // Between packets.
    ("", "+$#00+$0#30+$0#30+", .unsupported),
    ("x", "+$#00+$0#30+$0#30+", .unsupported),
    ("$m1234,8#00", "+$#00+$0#30+$0#30+", .unsupported),
    // Its bytes and our `$` happen to add up to 0, so it was carried out; the mode is 1 now.
    ("$Qqemu.PhyMemMode:0f", "+$OK#9a+$1#31+$1#31+", .unsupported),
  ] as [(String, String, Reply)])
func theEmptyPacketTakesAwayWhatADeadClientLeft(
  left: String, received: String, first: Reply
) throws {
  let exchange = try run(
    [.greeting, .physicalMemoryMode, .physicalMemoryMode, .resume], received)
  #expect(exchange.isComplete)
  let mode = Reply.physicalMemoryMode(received.contains("$1"))
  #expect(exchange.replies == [first, mode, mode, .acknowledged])
  #expect(exchange.before == Exchange.Before())
}

/// A half packet of exactly 4095 bytes: QEMU drops our first packet without any answer, so that
/// all replies move up by one, and the reader must not believe them.
@Test func aLostPacketLeavesTheExchangeIncomplete() throws {
  let reads = (0..<3).map { Request.readMemory(address: UInt64($0), count: 1) }
  let exchange = try run([.greeting] + reads + [.resume], "+$00#60+$01#61+$02#62+")
  #expect(!exchange.isComplete)
  #expect(
    exchange.shortfall
      == .incomplete(awaiting: reads[2], answered: 3, of: 5, unfinished: []))
}

/// QEMU 7.2, a guest started with `-S`, two CPUs.
@Test func whatQEMUPrintsIsJoined() throws {
  let received = Transcript(
    """
    -> $qRcmd,696e666f20737461747573#14
    <- +$O564d207374617475733a2070617573656420287072656c61756e6368290d0a#15$OK#9a
    -> $qRcmd,696e666f2063707573#37
    <- +$O2a204350552023303a207468726561645f69643d343631330d0a#e2
    <- $O20204350552023313a207468726561645f69643d343631340d0a#b3$OK#9a
    """)
  let exchange = try run([.monitor(.status), .monitor(.cpus)], received.bytes(.received))
  #expect(exchange.isComplete)
  #expect(
    exchange.replies == [
      .monitorOutput("VM status: paused (prelaunch)\n"),
      .monitorOutput("* CPU #0: thread_id=4613\n  CPU #1: thread_id=4614\n"),
    ])
}

@Test func otherStubsEndTheirOutputInOtherWays() throws {
  // With the output itself, unsupported, with an error, with nothing printed.
  #expect(try run([.monitor(.status)], "+$O41#b4$4243#cd").replies == [.monitorOutput("ABC")])
  #expect(try run([.monitor(.status)], "+$#00").replies == [.unsupported])
  #expect(try run([.monitor(.status)], "+$E01#a6").replies == [.error(code: 1)])
  #expect(try run([.monitor(.status)], "+$OK#9a").replies == [.monitorOutput("")])
}

@Test func stopRepliesAreKeptApart() throws {
  let requests: [Request] = [
    .readMemory(address: 0, count: 1), .monitor(.status), .readMemory(address: 1, count: 1),
    .resume,
  ]
  let exchange = try run(
    requests,
    "+$00#60$T02thread:02;#05+$O41#b4$T05core:01;#38$OK#9a+$01#61$S05#b8+$W00#b7$X09#c1")
  #expect(exchange.isComplete)
  #expect(
    exchange.replies == [
      .bytes([0]), .monitorOutput("A"), .bytes([1]), .acknowledged,
    ])
  let stops = exchange.stopReplies
  #expect(
    stops.map(\.reason) == [.signal(2), .signal(5), .signal(5), .exited(0), .terminated(9)])
  #expect(exchange.before == Exchange.Before())
}

@Test func aStopBetweenAckAndReplyIsNotTheFirst() throws {
  let exchange = try run([.readMemory(address: 0, count: 1)], "+$T02thread:01;#04$00#60")
  #expect(exchange.isComplete)
  #expect(exchange.before == Exchange.Before())
}

@Test func aStubWithoutAcksIsUnderstood() throws {
  let requests: [Request] = [.supported, .readMemory(address: 0, count: 2), .resume]
  let exchange = try run(requests, packet("PacketSize=1000") + packet("1234"))
  #expect(exchange.isComplete)
  #expect(
    exchange.replies == [.text(ascii("PacketSize=1000")), .bytes([0x12, 0x34]), .acknowledged])
}

@Test func consoleOutputThatNobodyAskedForIsDropped() throws {
  let exchange = try run([.readMemory(address: 0, count: 1)], "$O41#b4+$O42#b5$00#60$O43#b6")
  #expect(exchange.replies == [.bytes([0])])
}

/// A glance: 200 KB of hex in pieces of any size, each byte in its place.
@Test(arguments: [1 << 20, 4096, 61, 1])
func aLargeGlanceArrivesWhole(size: Int) throws {
  let count = 50
  var received: [UInt8] = []
  let contents = (0..<count).map { read in
    (0..<2048).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ read) }
  }
  for bytes in contents { received += ascii("+") + packet(bytes.hexDigits) }
  received += ascii("+")
  let requests = (0..<count).map { Request.readMemory(address: UInt64($0) << 11, count: 2048) }
  var exchange = Exchange(requests + [.resume])
  for chunk in received.chunks(of: size) { try exchange.feed(chunk) }
  #expect(exchange.isComplete)
  #expect(exchange.replies == contents.map { .bytes($0) } + [.acknowledged])
}
