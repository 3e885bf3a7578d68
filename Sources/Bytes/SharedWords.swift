/// Numbers of 32 bits in little-endian order, in bytes that are shared.
public struct SharedWords: Sendable {
  public let bytes: SharedBytes
  public let count: Int

  /// - Parameter bytes: four for each number; what is left over is not part of it.
  public init(_ bytes: SharedBytes) {
    self.bytes = bytes
    count = bytes.count / 4
  }

  public init(_ words: [UInt32]) {
    self.init(SharedBytes(count: 4 * words.count) { $0.append(littleEndian: words) })
  }
}

extension SharedWords: RandomAccessCollection {
  @inlinable public var startIndex: Int { 0 }
  @inlinable public var endIndex: Int { count }

  @inlinable
  public subscript(index: Int) -> UInt32 {
    guard let word = bytes.u32(at: 4 * index) else {
      preconditionFailure("index \(index) of \(count) words")
    }
    return word
  }
}
