import GuestScopeBytes

/// Contiguous bytes of a kernel with the virtual address of the first one: a section of a file or a
/// piece of guest memory.
public struct MemoryRegion: Sendable {
  public let bytes: [UInt8]
  public let address: UInt64

  public init(_ bytes: [UInt8], address: UInt64) {
    self.bytes = bytes
    self.address = address
  }

  /// The first offset after the region; all offsets count from its first byte.
  var end: Int { bytes.count }

  func address(of offset: Int) -> UInt64 { address &+ UInt64(bitPattern: Int64(offset)) }

  /// Where an address lies in the region, or nil outside of it.
  func offset(of address: UInt64) -> Int? {
    let distance = address &- self.address
    return distance < UInt64(bytes.count) ? Int(distance) : nil
  }

  /// Bytes from an address on, or nil when they do not all lie in the region.
  public func bytes(at address: UInt64, count: Int) -> [UInt8]? {
    offset(of: address).flatMap { bytes.bytes(at: $0, count: count) }.map(Array.init)
  }

  /// The bytes between two addresses, or nil when they do not all lie in the region.
  func bytes(from first: UInt64, to last: UInt64) -> [UInt8]? {
    offsets(from: first, to: last).map { Array(bytes[$0]) }
  }

  /// Where the bytes between two addresses lie; nil when they do not all lie in the region.
  func offsets(from first: UInt64, to last: UInt64) -> Range<Int>? {
    guard first < last, let from = offset(of: first), last - first <= UInt64(end - from) else {
      return nil
    }
    return from..<from + Int(last - first)
  }

  /// A copy of the bytes of a range that lies in the region.
  func shared(_ offsets: Range<Int>) -> SharedBytes {
    SharedBytes(bytes.span.bytes.extracting(offsets))
  }

  /// The first offset from `offset` on whose address is a multiple of `alignment`, a power of 2.
  func aligned(_ offset: Int, to alignment: Int) -> Int {
    let misplaced = Int(truncatingIfNeeded: address(of: offset)) & (alignment - 1)
    return misplaced == 0 ? offset : offset + alignment - misplaced
  }
}
