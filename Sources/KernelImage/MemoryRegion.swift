import Bytes

/// Contiguous bytes of a kernel image with the virtual address of the first one: a section of a
/// file or a piece of guest memory.
public struct MemoryRegion: Sendable {
  let bytes: [UInt8]
  /// The bytes of the region; offsets in this module count from the start of `bytes`.
  let range: Range<Int>
  public let address: UInt64

  /// A region of `bytes`, all of them unless a range inside is given.
  public init(_ bytes: [UInt8], range: Range<Int>? = nil, address: UInt64) {
    self.bytes = bytes
    self.range = (range ?? bytes.indices).clamped(to: bytes.indices)
    self.address = address
  }

  var start: Int { range.lowerBound }
  var end: Int { range.upperBound }

  func address(of offset: Int) -> UInt64 {
    address &+ UInt64(bitPattern: Int64(offset - start))
  }

  /// Where an address lies in `bytes`, or nil outside of the region.
  func offset(of address: UInt64) -> Int? {
    let distance = address &- self.address
    return distance < UInt64(range.count) ? start + Int(distance) : nil
  }

  /// The bytes between two addresses, or nil when they do not all lie in the region.
  func bytes(from first: UInt64, to last: UInt64) -> [UInt8]? {
    guard first < last, let from = offset(of: first), last - first <= UInt64(end - from) else {
      return nil
    }
    return Array(bytes[from..<from + Int(last - first)])
  }
}
