import GuestScopeBytes

/// A packet that this client can send.
///
/// There is no case that writes to the guest or ends it, and a `monitor` command is one of a closed
/// list: a packet that harms the guest cannot be built. Mirrors the command tables in QEMU's
/// `gdbstub/gdbstub.c`.
public enum Request: Sendable, Equatable {
  /// `-$#00`, the first words of a connection.
  ///
  /// The `-` has the stub send its last packet again if no client has acknowledged it: a stop that
  /// nobody saw, for one; see ``Exchange/Before``. The empty packet soaks up the half packet that a
  /// dead client may have left in the stub's parser. Alone it is answered `+$#00`; after a half
  /// packet `-`. One half packet in 256 happens to have the right checksum, is carried out and
  /// answered as what it was; one of exactly QEMU's limit swallows this packet without any answer,
  /// which leaves the exchange incomplete.
  case greeting
  /// `qSupported`, offering nothing: `multiprocess+` would change the stub for its later clients.
  case supported
  /// `qqemu.PhyMemMode`: asks whether `m` takes physical addresses.
  case physicalMemoryMode
  /// `Qqemu.PhyMemMode`: a setting of the whole QEMU process, which outlasts the connection.
  case setPhysicalMemoryMode(Bool)
  /// `m`: `count` bytes, which must not be negative, from an address.
  case readMemory(address: UInt64, count: Int)
  /// `g`: the core registers of the selected thread.
  case readRegisters
  /// `p`: one register of the selected thread, by its number in the target description.
  case readRegister(Int)
  /// `Hg`: selects the vCPU that `g` and `p` read.
  case selectThread(ThreadID)
  /// `qXfer:features:read`: `count` bytes from `offset` of a document of the target description.
  case readFeature(annex: String, offset: Int, count: Int)
  /// `qRcmd`: a command of QEMU's human monitor.
  case monitor(MonitorCommand)
  /// `vCont;C;`, which QEMU refuses (E22), for the number of a signal is missing. Nothing runs, and
  /// two things stay. QEMU from 8.1 on reports the guest's next stop, as after ``resume``: any
  /// `vCont` sets `allow_stop_reply` (gdbstub/gdbstub.c). And the refusal, which we do not
  /// acknowledge, is what the ``greeting`` of the next connection brings again.
  case markStopped
  /// `c`: lets the guest run. Any byte after it stops the guest again.
  case resume
}

extension Request {
  /// Appends the framed packet, `$payload#checksum`.
  public func encode(into packet: inout [UInt8]) {
    if self == .greeting { packet.append(UInt8(ascii: "-")) }
    packet.append(UInt8(ascii: "$"))
    var sum: UInt8 = 0
    for byte in payload {
      // An annex comes from the stub: unescaped, its text could end this packet and begin another.
      if byte.mustBeEscaped {
        packet.append(UInt8(ascii: "}"))
        packet.append(byte ^ 0x20)
        sum = sum &+ UInt8(ascii: "}") &+ (byte ^ 0x20)
      } else {
        packet.append(byte)
        sum = sum &+ byte
      }
    }
    packet.append(UInt8(ascii: "#"))
    packet.append(.hexDigit(sum >> 4))
    packet.append(.hexDigit(sum))
  }

  /// The framed packet's length in bytes.
  public var encodedCount: Int {
    payload.reduce(self == .greeting ? 5 : 4) { $0 + ($1.mustBeEscaped ? 2 : 1) }
  }

  private var payload: [UInt8] {
    var payload: [UInt8] = []
    switch self {
    case .greeting: break
    case .supported: payload += "qSupported".utf8
    case .physicalMemoryMode: payload += "qqemu.PhyMemMode".utf8
    case .setPhysicalMemoryMode(let on): payload += "Qqemu.PhyMemMode:\(on ? 1 : 0)".utf8
    case .readMemory(let address, let count):
      precondition(count >= 0)
      payload.append(UInt8(ascii: "m"))
      payload.append(hexDigitsOf: address)
      payload.append(UInt8(ascii: ","))
      payload.append(hexDigitsOf: UInt64(count))
    case .readRegisters: payload += "g".utf8
    case .readRegister(let number):
      precondition(number >= 0)
      payload.append(UInt8(ascii: "p"))
      payload.append(hexDigitsOf: UInt64(number))
    case .selectThread(let thread): payload += "Hg\(thread)".utf8
    case .readFeature(let annex, let offset, let count):
      precondition(offset >= 0 && count >= 0)
      payload += "qXfer:features:read:\(annex):".utf8
      payload.append(hexDigitsOf: UInt64(offset))
      payload.append(UInt8(ascii: ","))
      payload.append(hexDigitsOf: UInt64(count))
    case .monitor(let command):
      payload += "qRcmd,".utf8
      payload += command.text.utf8.hexDigits
    case .markStopped: payload += "vCont;C;".utf8
    case .resume: payload += "c".utf8
    }
    return payload
  }
}

extension Request: CustomStringConvertible {
  /// The packet as it stands in a trace: `$m1000,8#5d`.
  public var description: String {
    var packet: [UInt8] = []
    encode(into: &packet)
    return packet.traceText
  }
}

extension UInt8 {
  /// Whether a packet may hold this byte only as `}` and the byte with bit 5 flipped.
  fileprivate var mustBeEscaped: Bool {
    self == UInt8(ascii: "#") || self == UInt8(ascii: "$") || self == UInt8(ascii: "}")
      || self == UInt8(ascii: "*")
  }
}

extension [UInt8] {
  /// Appends a number in hex without leading zeros.
  fileprivate mutating func append(hexDigitsOf number: UInt64) {
    let digits = Swift.max(1, (67 - number.leadingZeroBitCount) / 4)
    for digit in (0..<digits).reversed() {
      append(.hexDigit(UInt8(truncatingIfNeeded: number >> UInt64(4 * digit)) & 0xf))
    }
  }
}
