import Testing

@testable import GuestScopeRemoteProtocol

@Test(
  arguments: [
    (.greeting, "-$#00"),
    (.supported, "$qSupported#37"),
    (.physicalMemoryMode, "$qqemu.PhyMemMode#2c"),
    (.setPhysicalMemoryMode(true), "$Qqemu.PhyMemMode:1#77"),
    (.setPhysicalMemoryMode(false), "$Qqemu.PhyMemMode:0#76"),
    (.readMemory(address: 0, count: 8), "$m0,8#01"),
    (.readMemory(address: 0x7c00, count: 0x801), "$m7c00,801#2c"),
    (.readMemory(address: .max, count: 0x10010), "$mffffffffffffffff,10010#eb"),
    (.readMemory(address: 1 << 60, count: 1), "$m1000000000000000,1#cb"),
    (.readRegisters, "$g#67"),
    (.readRegister(0x1d), "$p1d#05"),
    (.selectThread(ThreadID(2)), "$Hg2#e1"),
    (.selectThread(ThreadID(process: 1, 0x1f)), "$Hgp1.1f#15"),
    (
      .readFeature(annex: "target.xml", offset: 0, count: 1),
      "$qXfer:features:read:target.xml:0,1#7c"
    ),
    (.monitor(.status), "$qRcmd,696e666f20737461747573#14"),
    (.monitor(.memoryTree), "$qRcmd,696e666f206d74726565202d66#3f"),
    (.markStopped, "$vCont;C;#c3"),
    (.resume, "$c#63"),
  ] as [(Request, String)])
func aRequestIsOnePacket(request: Request, text: String) {
  var bytes = ascii("x")
  request.encode(into: &bytes)
  #expect(String(decoding: bytes.dropFirst(), as: UTF8.self) == text)
  #expect(request.encodedCount == text.utf8.count)
  #expect(request.description == text)
}

@Test func monitorCommandsAreTheirText() {
  #expect(MonitorCommand.status.text == "info status")
  #expect(MonitorCommand.version.text == "info version")
  #expect(MonitorCommand.memoryTree.text == "info mtree -f")
  #expect(MonitorCommand.memoryBackends.text == "info memdev")
  #expect(MonitorCommand.cpus.text == "info cpus")
}

/// An annex comes from the stub's own XML: it must not be able to smuggle in a packet of its own.
@Test func anAnnexCannotEndItsPacket() {
  let annex = "a#00$k#6b}*"
  let request = Request.readFeature(annex: annex, offset: 0, count: 1)
  var bytes: [UInt8] = []
  request.encode(into: &bytes)
  #expect(bytes.filter { $0 == UInt8(ascii: "$") }.count == 1)
  #expect(bytes.filter { $0 == UInt8(ascii: "#") }.count == 1)
  #expect(bytes.count == request.encodedCount)

  var decoder = PacketDecoder()
  decoder.feed(bytes)
  #expect(decoder.next() == .packet(ascii("qXfer:features:read:\(annex):0,1")))
  #expect(decoder.next() == nil)
}

@Test func threadsAreReadInBothForms() {
  #expect(ThreadID("01") == ThreadID(1))
  #expect(ThreadID("1f") == ThreadID(31))
  #expect(ThreadID("-1") == ThreadID(-1))
  #expect(ThreadID("p01.0a") == ThreadID(process: 1, 10))
  #expect(ThreadID("p1.-1") == ThreadID(process: 1, -1))
  for text in [
    "", "p", "p1", "p1.", "p.1", "p1.2.3", "-2", "g", "1;", "p1.g", "123456789012345678",
  ] {
    #expect(ThreadID(text) == nil, "\(text)")
  }
  #expect(ThreadID(-1).description == "-1")
}

@Test func featuresOfQEMU() {
  let old = StubFeatures(
    ascii("PacketSize=1000;qXfer:features:read+;vContSupported+;multiprocess+"))
  #expect(old.packetSize == 4096)
  #expect(old.readLimit == 2048)
  #expect(old.featureReadLimit == 2045)

  let new = StubFeatures(ascii("PacketSize=20020;qXfer:features:read+"))
  #expect(new.readLimit == 65552)
  #expect(new.featureReadLimit == 65549)
  // The longest reply must pass the decoder.
  #expect(2 * new.readLimit <= PacketDecoder.defaultPacketLimit)
}

@Test(
  arguments: [
    "", ";;;", "PacketSize=", "PacketSize=-1", "PacketSize=zz", "PacketSize=3", "PacketSize",
    "PacketSize=10000000000000000000", "x+=;=+",
  ])
func featuresThatMakeNoSenseAreTheDefaults(text: String) {
  let features = StubFeatures(ascii(text))
  #expect(features.packetSize == StubFeatures.defaultPacketSize)
}

@Test func aBoastfulPacketSizeIsNotBelieved() {
  #expect(StubFeatures(ascii("PacketSize=7fffffffffffffff")).readLimit == 65552)
}
