import Bytes

/// Contiguous bytes of a kernel image with the virtual address of the first one: a section of a
/// file or a piece of guest memory.
public struct MemoryRegion: Sendable {
  let bytes: [UInt8]
  /// The bytes of the region; offsets in this module count from the start of `bytes`.
  let range: Range<Int>
  public let address: UInt64

  /// A region of `bytes`, all of them unless a range inside is given. `address` is a multiple of 8
  /// as tables are aligned to it.
  public init(_ bytes: [UInt8], range: Range<Int>? = nil, address: UInt64) {
    precondition(address.isMultiple(of: 8), "regions begin at a multiple of 8")
    self.bytes = bytes
    self.range = (range ?? bytes.indices).clamped(to: bytes.indices)
    self.address = address
  }

  func address(of offset: Int) -> UInt64 {
    address &+ UInt64(bitPattern: Int64(offset - range.lowerBound))
  }
}
