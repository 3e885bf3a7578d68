import GuestScopeBytes
import TestSupport

/// Some fixed seeds and a new one each run; a failure names the one that failed.
let seeds: [UInt64] = [1, 2, 3, 4, 5, .random(in: .min ... .max)]

extension [UInt8] {
  /// These bytes cut into pieces of the given size.
  func chunks(of size: Int) -> [ArraySlice<UInt8>] {
    stride(from: 0, to: count, by: size).map { self[$0..<Swift.min($0 + size, count)] }
  }

  /// These bytes cut at random, most often into small pieces.
  func chunks(using random: inout SplitMix) -> [ArraySlice<UInt8>] {
    var chunks: [ArraySlice<UInt8>] = []
    var rest = self[...]
    while !rest.isEmpty {
      let size = Int.random(in: 1...(1 << Int.random(in: 0...7, using: &random)), using: &random)
      chunks.append(rest.prefix(size))
      rest = rest.dropFirst(size)
    }
    return chunks
  }
}

/// `$payload#checksum`, the payload as it is.
func packet(_ payload: [UInt8]) -> [UInt8] {
  [UInt8(ascii: "$")] + payload + [UInt8(ascii: "#")] + [payload.reduce(0, &+)].hexDigits
}

func packet(_ payload: String) -> [UInt8] { packet(Array(payload.utf8)) }

/// What QEMU sends: an ack and a packet.
func reply(_ payload: String) -> [UInt8] { Array("+".utf8) + packet(payload) }

func ascii(_ text: String) -> [UInt8] { Array(text.utf8) }
