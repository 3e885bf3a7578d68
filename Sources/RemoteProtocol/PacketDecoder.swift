import GuestScopeBytes

/// Splits a byte stream into what stands in it; however the stream is cut, the items are the same.
///
/// Holds at most what was fed and not yet taken out by ``next()``, and of an unfinished packet at
/// most its limit.
public struct PacketDecoder: Sendable {
  /// Twice the 65552 bytes that one `m` of QEMU 10.2 and later can ask for, and room to spare.
  public static let defaultPacketLimit = 1 << 18
  /// The most bytes in one ``Incoming/noise(_:)``.
  public static let noiseLimit = 256

  /// The most bytes of a payload, both on the wire and expanded.
  public let packetLimit: Int

  @usableFromInline var buffer: [UInt8] = []
  /// Where the first item that was not taken out yet begins.
  private var start = 0
  /// How far that item has been looked at, so that a slow stream is not scanned again and again.
  private(set) var scanned = 0
  private var sum: UInt8 = 0
  private var isEncoded = false
  /// Inside a packet that was given up as too long; its bytes are dropped as they come.
  private var isSkipping = false

  /// - Parameter packetLimit: the most bytes of a payload, both on the wire and expanded.
  public init(packetLimit: Int = PacketDecoder.defaultPacketLimit) {
    self.packetLimit = packetLimit
  }

  /// Adds what was received.
  @inlinable
  public mutating func feed(_ bytes: some Sequence<UInt8>) {
    buffer.append(contentsOf: bytes)
  }

  /// What was fed and is not a whole item yet: the beginning of a packet or of a line.
  public var unfinished: ArraySlice<UInt8> { buffer[start...] }

  /// Takes out the next item, or returns nil until more is fed.
  public mutating func next() -> Incoming? {
    if isSkipping, !skip() { return waitForMore() }
    guard start < buffer.count else { return waitForMore() }
    switch buffer[start] {
    case UInt8(ascii: "+"):
      start += 1
      return .ack
    case UInt8(ascii: "-"):
      start += 1
      return .nack
    case UInt8(ascii: "$"), UInt8(ascii: "%"):
      return nextPacket() ?? waitForMore()
    default:
      return nextNoise() ?? waitForMore()
    }
  }

  /// Drops what was taken out.
  private mutating func waitForMore() -> Incoming? {
    buffer.removeSubrange(..<start)
    scanned = max(0, scanned - start)
    start = 0
    return nil
  }

  private mutating func nextPacket() -> Incoming? {
    if scanned <= start {
      scanned = start + 1
      sum = 0
      isEncoded = false
    }
    let end = scan()
    // Before all else, or a packet cut in two would be judged otherwise than a whole one.
    if scanned - start - 1 > packetLimit {
      isSkipping = true
      return take(upTo: start + 1 + packetLimit, .tooLong(limit: packetLimit))
    }
    switch end {
    case nil: return nil
    case UInt8(ascii: "$"): return take(upTo: scanned, .cutShort)
    default: return finishPacket()
    }
  }

  /// Moves `scanned` to the `#` or `$` that ends the payload and returns that byte, or nil at the
  /// end of the buffer.
  private mutating func scan() -> UInt8? {
    var (index, sum, isEncoded) = (scanned, sum, isEncoded)
    var end: UInt8?
    do {
      let bytes = buffer.span
      while index < bytes.count {
        let byte = bytes[index]
        if byte == UInt8(ascii: "#") || byte == UInt8(ascii: "$") {
          end = byte
          break
        }
        sum = sum &+ byte
        if byte == UInt8(ascii: "}") || byte == UInt8(ascii: "*") { isEncoded = true }
        index += 1
      }
    }
    (scanned, self.sum, self.isEncoded) = (index, sum, isEncoded)
    return end
  }

  private mutating func finishPacket() -> Incoming? {
    guard scanned + 2 < buffer.count else { return nil }
    guard let high = buffer[scanned + 1].hexDigitValue, let low = buffer[scanned + 2].hexDigitValue
    else { return take(upTo: scanned + 1, .checksumDigits) }
    guard high << 4 | low == sum else {
      return take(upTo: scanned + 3, .checksum(computed: sum, received: high << 4 | low))
    }
    let wire = buffer[start + 1..<scanned]
    let payload: [UInt8]
    do {
      payload = isEncoded ? try expandPayload(wire, limit: packetLimit) : Array(wire)
    } catch {
      return take(upTo: scanned + 3, error)
    }
    let isNotification = buffer[start] == UInt8(ascii: "%")
    start = scanned + 3
    return isNotification ? .notification(payload) : .packet(payload)
  }

  private mutating func take(upTo end: Int, _ corruption: Corruption) -> Incoming {
    defer { start = end }
    return .corrupted(corruption, start: Array(buffer[start..<end].prefix(64)))
  }

  /// Drops the rest of a packet that was too long; returns false while its end has not come.
  private mutating func skip() -> Bool {
    guard
      let end = buffer[start...].firstIndex(where: {
        $0 == UInt8(ascii: "#") || $0 == UInt8(ascii: "$")
      })
    else {
      start = buffer.count
      return false
    }
    start = end
    if buffer[end] == UInt8(ascii: "#") {
      guard end + 2 < buffer.count else { return false }
      let hasChecksum = buffer[end + 1].hexDigitValue != nil && buffer[end + 2].hexDigitValue != nil
      start = end + (hasChecksum ? 3 : 1)
    }
    isSkipping = false
    return true
  }

  private mutating func nextNoise() -> Incoming? {
    let window = buffer[start...].prefix(Self.noiseLimit)
    var end = window.endIndex
    if let stop = window.firstIndex(where: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "$") })
    {
      end = buffer[stop] == UInt8(ascii: "$") ? stop : stop + 1
    } else if window.count < Self.noiseLimit {
      return nil
    }
    defer { start = end }
    return .noise(Array(buffer[start..<end]))
  }
}
