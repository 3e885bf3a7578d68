/// What a stub says about itself in answer to ``Request/supported``.
public struct StubFeatures: Sendable, Equatable {
  /// The most bytes of a request, framing left out; QEMU drops a longer one without a word.
  public let packetSize: Int

  /// What gdb assumes of a stub that does not say.
  static let defaultPacketSize = 400
  /// QEMU's MAX_PACKET_LENGTH since 10.2; a larger number is not believed.
  static let largestPacketSize = 0x20020

  /// Reads `PacketSize=1000;qXfer:features:read+;…`; what cannot be read counts as not said.
  public init(_ text: [UInt8]) {
    var packetSize = Self.defaultPacketSize
    for item in text.split(separator: UInt8(ascii: ";")) {
      let item = String(decoding: item, as: UTF8.self)
      if item.hasPrefix("PacketSize="), let size = Int(item.dropFirst(11), radix: 16), size >= 64 {
        packetSize = min(size, Self.largestPacketSize)
      }
    }
    self.packetSize = packetSize
  }

  /// The most bytes that one ``Request/readMemory(address:count:)`` may ask for: 2048 up to QEMU
  /// 10.0, 65552 from 10.2 on. More is answered with `E22` (`handle_read_mem` in
  /// `gdbstub/gdbstub.c`).
  public var readLimit: Int { packetSize / 2 }

  /// The most bytes of a document that come in one piece (`handle_query_xfer_features`).
  public var featureReadLimit: Int { (packetSize - 5) / 2 }
}
