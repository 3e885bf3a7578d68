/// Pieces of a kernel image: all of a file's, or what was read of a running one.
public struct ImagePieces: Sendable {
  private let regions: [MemoryRegion]
  /// The kernel runs, and its variables are in use.
  public let isRunning: Bool

  public init(_ regions: [MemoryRegion], isRunning: Bool) {
    (self.regions, self.isRunning) = (regions, isRunning)
  }

  /// Bytes from an address on; nil when no piece has them all.
  public func bytes(at address: UInt64, count: Int) -> [UInt8]? {
    regions.lazy.compactMap { $0.bytes(at: address, count: count) }.first
  }
}
