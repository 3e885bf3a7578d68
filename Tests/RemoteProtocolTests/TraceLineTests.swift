import TestSupport
import Testing

@testable import GuestScopeRemoteProtocol

@Test func aTraceIsReadable() {
  #expect(TraceLine(.sent, ascii("$m1000,8#5d")).description == "-> $m1000,8#5d")
  #expect(
    TraceLine(.received, ascii("+$m<reg name=\"cr3\"/>\n \\#00")).description
      == #"<- +$m<reg name="cr3"/>\x0a \x5c#00"#)
  #expect(TraceLine(.received, ascii(" a ")).description == #"<- \x20a\x20"#)
}

@Test func aLineAPacket() {
  let bytes = ascii("$T02thread:01;#04+$#00+$0#30+")
  #expect(
    TraceLine.lines(.received, bytes).map(\.description) == [
      "<- $T02thread:01;#04", "<- +$#00", "<- +$0#30", "<- +",
    ])
}

@Test func whatIsNoTraceLine() {
  for line in ["", "text", "=> $#00", "- > $#00", #"-> \x4"#, #"-> \y41"#, #"-> \xgg"#, #"-> \"#] {
    #expect(TraceLine(line) == nil, "\(line)")
  }
  #expect(TraceLine("\t  -> $#00") == TraceLine(.sent, ascii("$#00")))
  #expect(TraceLine("<-") == TraceLine(.received, []))
}

/// What was traced can be replayed, however it was cut into lines.
@Test(arguments: seeds)
func aTraceReadsBack(seed: UInt64) {
  var random = SplitMix(state: seed)
  var bytes: [TraceLine.Direction: [UInt8]] = [.sent: [], .received: []]
  var text = "A comment.\n\n"
  for _ in 0..<200 {
    let direction = [TraceLine.Direction.sent, .received].randomElement(using: &random)!
    let chunk = (0..<Int.random(in: 0...40, using: &random)).map { _ in
      ([0x20, 0x23, 0x24, 0x5c, 0x0a, .random(in: .min ... .max, using: &random)] as [UInt8])
        .randomElement(using: &random)!
    }
    bytes[direction]! += chunk
    for line in TraceLine.lines(direction, chunk) { text += "\(line)\n" }
  }
  let transcript = Transcript(text)
  #expect(transcript.bytes(.sent) == bytes[.sent])
  #expect(transcript.bytes(.received) == bytes[.received])
}
