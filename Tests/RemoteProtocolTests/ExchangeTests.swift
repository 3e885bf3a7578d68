import Testing

@testable import RemoteProtocol

/// A whole minimal session with QEMU 7.2 and a running guest: one write, one read.
private let session = Transcript(
  #"""
  -> $#00
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
  <- $T02thread:01;#04+$#00+$0#30
  The mode is 1, vCPU 2 is selected; `p` is refused before the first qXfer.
  <- +$OK#9a+$OK#9a+$#00+$m<#a9+$0000000000000000#00
  2049 bytes are more than QEMU gives.
  <- +$00000000000000000000000000000000#00+$E22#a9
  The ack of `c` is the last: the guest runs.
  <- +$OK#9a+
  """#)

private let sessionRequests: [Request] = [
  .empty, .physicalMemoryMode, .setPhysicalMemoryMode(true), .selectThread(ThreadID(2)),
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

  var exchange = Exchange(sessionRequests)
  try exchange.feed(session.bytes(.received))
  #expect(exchange.isComplete)
  #expect(exchange.replies == sessionReplies)
  #expect(exchange.stoppedBeforeFirstAck)
  #expect(exchange.stopReplies.map(\.reason) == [.signal(2)])
  #expect(exchange.stopReplies.map(\.thread) == [ThreadID(1)])
}
