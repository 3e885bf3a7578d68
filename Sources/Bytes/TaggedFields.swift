/// Values by number, one after the other in shared bytes: what one version of a program writes,
/// another one reads as far as it knows the numbers. Numbers are little-endian; nothing is trusted to
/// make sense.
///
///     4 bytes   count of fields
///     4 bytes   0
///     24 each   4 bytes the tag, 4 bytes 0, 8 bytes the offset of the value, 8 bytes its length
///     the values, each at a multiple of 8
public struct TaggedFields<Tag: RawRepresentable<UInt32> & Hashable & Sendable>: Sendable {
  private var values: [Tag: SharedBytes] = [:]

  private static var headerSize: Int { 8 }
  private static var entrySize: Int { 24 }

  public init() {}

  /// The fields of bytes that `bytes` has made; nil when they are not such.
  public init?(_ bytes: SharedBytes) {
    guard let count = bytes.u32(at: 0).map(Int.init),
      count <= (bytes.count - Self.headerSize) / Self.entrySize
    else { return nil }
    for entry in 0..<count {
      let at = Self.headerSize + entry * Self.entrySize
      guard let tag = bytes.u32(at: at), let start = bytes.u64(at: at + 8),
        let length = bytes.u64(at: at + 16), start <= UInt64(bytes.count),
        length <= UInt64(bytes.count) - start,
        let value = bytes.slice(Int(start)..<Int(start + length))
      else { return nil }
      if let tag = Tag(rawValue: tag) { values[tag] = value }
    }
  }

  /// Nil where the field is not there.
  public subscript(tag: Tag) -> SharedBytes? {
    get { values[tag] }
    set { values[tag] = newValue }
  }

  /// The field as a number of 8 bytes.
  public subscript(number tag: Tag) -> UInt64? {
    get { values[tag].flatMap { $0.count == 8 ? $0.u64(at: 0) : nil } }
    set { values[tag] = newValue.map { [$0] }.map(SharedBytes.init(littleEndian:)) }
  }

  /// The field as text.
  public subscript(text tag: Tag) -> String? {
    get { values[tag].map { $0.text(0..<$0.count) } }
    set { values[tag] = newValue.map { SharedBytes(Array($0.utf8)) } }
  }

  /// The field as a yes or no; no where it is not there.
  public subscript(flag tag: Tag) -> Bool {
    get { self[number: tag] == 1 }
    set { self[number: tag] = newValue ? 1 : nil }
  }

  /// All fields, in the order of their tags.
  public var bytes: SharedBytes {
    let fields = values.sorted { $0.key.rawValue < $1.key.rawValue }
    var end = Self.headerSize + fields.count * Self.entrySize
    var starts: [Int] = []
    for field in fields {
      starts.append(end)
      end += (field.value.count + 7) / 8 * 8
    }
    return SharedBytes(count: end) { writer in
      writer.append(littleEndian: [UInt32(fields.count), 0])
      for (field, start) in zip(fields, starts) {
        writer.append(littleEndian: [field.key.rawValue, 0])
        writer.append(littleEndian: [UInt64(start), UInt64(field.value.count)])
      }
      for field in fields {
        writer.append(field.value)
        writer.append([UInt8](repeating: 0, count: (8 - field.value.count % 8) % 8))
      }
    }
  }
}

extension SharedBytes {
  fileprivate init(littleEndian numbers: [UInt64]) {
    self.init(count: 8 * numbers.count) { $0.append(littleEndian: numbers) }
  }
}
