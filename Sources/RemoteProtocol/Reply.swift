import GuestScopeBytes

/// What the stub answered to one request.
public enum Reply: Sendable, Equatable {
  /// `OK`, to a setting.
  case ok
  /// The empty packet: the stub does not know the request, or not in this form.
  case unsupported
  /// `Enn`, the number as QEMU means it: an errno in decimal (14 is EFAULT, 22 EINVAL).
  case error(code: Int)
  /// `+` to ``Request/resume``, which has no other reply.
  case acknowledged
  /// `-` to a leading ``Request/greeting``: it did its job and took away a dead client's half packet.
  case refused
  /// Memory or registers, in guest byte order.
  case bytes([UInt8])
  /// The text that answers ``Request/supported``, for ``StubFeatures``.
  case text([UInt8])
  /// The answer to ``Request/physicalMemoryMode``.
  case physicalMemoryMode(Bool)
  /// A piece of a document of the target description.
  case feature([UInt8], isLast: Bool)
  /// All that a monitor command printed, with `\n` at the end of its lines.
  case monitorOutput(String)
}

extension Reply {
  /// Reads the payload of the packet that answers a request.
  ///
  /// Mirrors the handlers in QEMU's `gdbstub/gdbstub.c`, which write data in lower-case hex, so
  /// that `E` begins only an error. A monitor command's output is not read here but gathered by
  /// ``Exchange``.
  ///
  /// - Throws: ``ProtocolError/unexpectedReply(_:to:)``, also for fewer or more bytes of memory
  ///   than asked for.
  init(_ payload: [UInt8], to request: Request) throws(ProtocolError) {
    if payload.isEmpty {
      self = .unsupported
      return
    }
    if payload.count == 3, payload[0] == UInt8(ascii: "E"), let code = errorCode(payload[1...]) {
      self = .error(code: code)
      return
    }
    guard let reply = Self.read(payload, to: request) else {
      throw .unexpectedReply(payload, to: request)
    }
    self = reply
  }

  private static func read(_ payload: [UInt8], to request: Request) -> Reply? {
    switch request {
    case .greeting, .markStopped, .resume:
      return nil
    case .supported:
      return .text(payload)
    case .physicalMemoryMode:
      if payload == [UInt8(ascii: "0")] { return .physicalMemoryMode(false) }
      if payload == [UInt8(ascii: "1")] { return .physicalMemoryMode(true) }
      return nil
    case .setPhysicalMemoryMode, .selectThread:
      return payload == Array("OK".utf8) ? .ok : nil
    case .readMemory(_, let count):
      guard payload.count / 2 == count, let bytes = payload.decodedHex else { return nil }
      return .bytes(bytes)
    case .readRegisters, .readRegister:
      return payload.decodedHex.map { .bytes($0) }
    case .readFeature(_, _, let count):
      let kind = payload[0]
      guard kind == UInt8(ascii: "m") || kind == UInt8(ascii: "l"), payload.count - 1 <= count
      else { return nil }
      return .feature(Array(payload.dropFirst()), isLast: kind == UInt8(ascii: "l"))
    case .monitor:
      return payload == Array("OK".utf8) ? .ok : payload.decodedHex.map { .bytes($0) }
    }
  }
}

/// The number of `Enn`: decimal where its two digits are, as QEMU writes an errno; hex where a stub
/// means more.
private func errorCode(_ digits: ArraySlice<UInt8>) -> Int? {
  let text = String(decoding: digits, as: UTF8.self)
  guard digits.allSatisfy({ $0.hexDigitValue != nil }) else { return nil }
  return Int(text) ?? Int(text, radix: 16)
}
