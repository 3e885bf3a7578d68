/// Writes numbers and bytes one after the other, for `RecordReader` to take them out again.
public struct RecordWriter {
  public private(set) var bytes: [UInt8] = []

  public init() {}

  public mutating func add(_ value: UInt64) { bytes.append(littleEndian: value) }

  public mutating func add(_ value: Int) { add(UInt64(bitPattern: Int64(value))) }

  public mutating func add(_ value: [UInt8]) {
    add(value.count)
    bytes += value
  }

  public mutating func add(_ value: String) { add(Array(value.utf8)) }

  /// Adds how many elements there are, then each.
  public mutating func add<Element>(
    _ elements: some Collection<Element>, _ add: (inout Self, Element) -> Void
  ) {
    self.add(elements.count)
    for element in elements { add(&self, element) }
  }
}

/// Takes out what a `RecordWriter` has written, in the same order.
public struct RecordReader {
  private let bytes: [UInt8]
  private var offset = 0

  /// The record ends before what was to be read.
  public struct End: Error {
    public init() {}
  }

  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// True when all was taken out.
  public var isAtEnd: Bool { offset == bytes.count }

  public mutating func word() throws(End) -> UInt64 {
    guard let value = bytes.u64(at: offset) else { throw End() }
    offset += 8
    return value
  }

  public mutating func number() throws(End) -> Int { Int(Int64(bitPattern: try word())) }

  public mutating func data() throws(End) -> [UInt8] {
    let count = try number()
    guard let data = bytes.bytes(at: offset, count: count) else { throw End() }
    offset += count
    return Array(data)
  }

  public mutating func text() throws(End) -> String {
    String(decoding: try data(), as: UTF8.self)
  }

  public mutating func list<Element>(
    _ read: (inout Self) throws(End) -> Element
  ) throws(End) -> [Element] {
    var list: [Element] = []
    for _ in 0..<max(0, try number()) { list.append(try read(&self)) }
    return list
  }
}
