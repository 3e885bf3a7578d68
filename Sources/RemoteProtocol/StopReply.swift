import GuestScopeBytes

/// A report, which nobody asked for, that the guest stopped or ended.
public struct StopReply: Sendable, Equatable {
  public enum Reason: Sendable, Equatable {
    /// `T` or `S` with a signal; 2 (SIGINT) when a debugger or an administrator stopped the guest.
    case signal(UInt8)
    /// `W`: QEMU exits with this status.
    case exited(UInt8)
    /// `X`: ended by this signal.
    case terminated(UInt8)
  }

  public let reason: Reason

  /// False when the guest ended.
  public var isSignal: Bool { if case .signal = reason { true } else { false } }

  /// Reads `T02thread:01;`, `S05`, `W00` or `X09`, or returns nil for any other packet.
  init?(_ payload: [UInt8]) {
    guard payload.count >= 3, let high = payload[1].hexDigitValue,
      let low = payload[2].hexDigitValue
    else { return nil }
    let number = high << 4 | low
    switch payload[0] {
    case UInt8(ascii: "T"), UInt8(ascii: "S"): reason = .signal(number)
    case UInt8(ascii: "W"): reason = .exited(number)
    case UInt8(ascii: "X"): reason = .terminated(number)
    default: return nil
    }
  }
}
