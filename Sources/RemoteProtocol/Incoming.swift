import GuestScopeBytes

/// One thing that stood in what the stub sent.
public enum Incoming: Sendable, Equatable {
  /// `+`
  case ack
  /// `-`
  case nack
  /// The payload of a `$` packet: checksum verified, run lengths expanded, escapes undone.
  case packet([UInt8])
  /// The payload of a `%` packet, likewise.
  case notification([UInt8])
  /// A packet that cannot be trusted, and the first of its bytes.
  case corrupted(Corruption, start: [UInt8])
  /// Bytes outside packets, up to the end of a line, the next `$` or ``PacketDecoder/noiseLimit``.
  case noise([UInt8])
}

/// What is wrong with a packet.
public enum Corruption: Error, Equatable {
  /// The sum of the bytes is not what the packet says.
  case checksum(computed: UInt8, received: UInt8)
  /// No two hex digits follow `#`.
  case checksumDigits
  /// A run length or an escape that stands for nothing.
  case encoding
  /// The next packet begins in the middle of this one.
  case cutShort
  /// Longer than the decoder's limit, in bytes.
  case tooLong(limit: Int)
}

extension Corruption: CustomStringConvertible {
  public var description: String {
    switch self {
    case .checksum(let computed, let received):
      "its checksum is \(received.hex) where \(computed.hex) is right"
    case .checksumDigits: "its checksum is not two hex digits"
    case .encoding: "it holds a run length or an escape that stands for nothing"
    case .cutShort: "another packet begins inside it"
    case .tooLong(let limit): "it is longer than \(limit) bytes"
    }
  }
}
