import Glibc

/// Bytes that never change, in memory of their own or in a file that is mapped: copies and slices
/// share them. Offsets count from the first byte, and every access is checked.
///
/// All unsafe code of this type is in this file.
public struct SharedBytes: @unchecked Sendable {
  /// Keeps the bytes alive.
  @usableFromInline let owner: Owner
  /// The first of them.
  @usableFromInline let first: UnsafeRawPointer
  /// In bytes.
  public let count: Int

  /// The memory; it is given back with the last reference.
  @usableFromInline
  final class Owner: @unchecked Sendable {
    let memory: UnsafeRawPointer
    let size: Int
    let isMapped: Bool

    init(_ memory: UnsafeRawPointer, size: Int, isMapped: Bool) {
      unsafe self.memory = memory
      self.size = size
      self.isMapped = isMapped
    }

    deinit {
      if isMapped {
        unsafe munmap(UnsafeMutableRawPointer(mutating: memory), size)
      } else {
        unsafe memory.deallocate()
      }
    }
  }

  /// All bytes of a piece of memory.
  private init(_ owner: Owner) {
    self.owner = owner
    unsafe first = owner.memory
    count = owner.size
  }

  /// Bytes of a range that lies inside.
  private init(_ bytes: SharedBytes, _ range: Range<Int>) {
    owner = bytes.owner
    unsafe first = bytes.first + range.lowerBound
    count = range.count
  }

  /// A copy of bytes.
  public init(_ bytes: [UInt8]) { self.init(count: bytes.count) { $0.append(bytes) } }

  /// A copy of bytes.
  public init(_ bytes: RawSpan) { self.init(count: bytes.byteCount) { $0.append(bytes) } }

  public init() { self.init([]) }

  /// Bytes that are written once, from the first to the last.
  ///
  /// - Parameter count: how many bytes `write` appends, exactly.
  public init(count: Int, _ write: (inout Writer) -> Void) {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: Swift.max(count, 1), alignment: 16)
    var writer = unsafe Writer(memory: memory, count: count)
    write(&writer)
    precondition(writer.at == count, "\(writer.at) bytes were written of \(count)")
    unsafe self.init(Owner(memory, size: count, isMapped: false))
  }

  /// The contents of a file as they are now, which are read when they are asked for: its pages are
  /// shared with the system's cache of the file. The descriptor may be closed.
  ///
  /// A page that no file backs any more ends the program with SIGBUS, so the file must not
  /// become shorter while it is mapped. It may be renamed, replaced by another one, and removed.
  ///
  /// - Returns: nil, with errno set, when the file cannot be mapped or does not have `count` bytes.
  public init?(mapping descriptor: Int32, count: Int) {
    // Nothing can be mapped of an empty file.
    guard count > 0 else {
      self.init()
      return
    }
    // What is mapped is read whole at once: it is in the cache, or takes a few large reads.
    let flags = MAP_PRIVATE | MAP_POPULATE
    guard let memory = unsafe mmap(nil, count, PROT_READ, flags, descriptor, 0),
      unsafe memory != MAP_FAILED
    else { return nil }
    let owner = unsafe Owner(memory, size: count, isMapped: true)
    // If the file was shortened in the meantime, its size shows it here.
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { return nil }
    guard status.st_size == count else {
      errno = EIO
      return nil
    }
    self.init(owner)
  }

  /// The bytes of a range, which are not copied; nil when they do not lie wholly inside.
  public func slice(_ range: Range<Int>) -> SharedBytes? {
    guard range.lowerBound >= 0, range.upperBound <= count else { return nil }
    return SharedBytes(self, range)
  }

  /// The little-endian integer at a byte offset, or nil when it does not lie wholly inside.
  @inlinable
  public func load<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type, at offset: Int) -> T? {
    guard offset >= 0, offset <= count - MemoryLayout<T>.size else { return nil }
    return withExtendedLifetime(owner) {
      let raw = unsafe first.loadUnaligned(fromByteOffset: offset, as: T.self)
      return T(littleEndian: raw)
    }
  }

  @inlinable public func u8(at offset: Int) -> UInt8? { load(UInt8.self, at: offset) }
  @inlinable public func u16(at offset: Int) -> UInt16? { load(UInt16.self, at: offset) }
  @inlinable public func u32(at offset: Int) -> UInt32? { load(UInt32.self, at: offset) }
  @inlinable public func u64(at offset: Int) -> UInt64? { load(UInt64.self, at: offset) }

  /// The text of a range that lies inside; invalid UTF-8 becomes U+FFFD.
  public func text(_ range: Range<Int>) -> String {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    return withExtendedLifetime(owner) {
      let bytes = unsafe UnsafeRawBufferPointer(
        start: first + range.lowerBound, count: range.count)
      return unsafe String(decoding: bytes, as: UTF8.self)
    }
  }

  /// Lends the bytes of a range that lies inside.
  @inlinable
  public func withSpan<T>(of range: Range<Int>, _ body: (RawSpan) -> T) -> T {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    return withExtendedLifetime(owner) {
      let bytes = unsafe UnsafeRawBufferPointer(
        start: first + range.lowerBound, count: range.count)
      return body(unsafe bytes.bytes)
    }
  }
}

extension SharedBytes: RandomAccessCollection {
  @inlinable public var startIndex: Int { 0 }
  @inlinable public var endIndex: Int { count }

  @inlinable
  public subscript(index: Int) -> UInt8 {
    precondition(index >= 0 && index < count)
    return withExtendedLifetime(owner) {
      unsafe first.load(fromByteOffset: index, as: UInt8.self)
    }
  }

  /// `String(decoding:)` and `Array` of a slice take all bytes at once.
  @inlinable
  public func withContiguousStorageIfAvailable<T>(
    _ body: (UnsafeBufferPointer<UInt8>) throws -> T
  ) rethrows -> T? {
    try withExtendedLifetime(owner) {
      let bytes = unsafe UnsafeRawBufferPointer(start: first, count: count)
      return try unsafe bytes.withMemoryRebound(to: UInt8.self, body)
    }
  }
}

extension SharedBytes: Equatable {
  public static func == (a: Self, b: Self) -> Bool { a.elementsEqual(b) }
}

extension SharedBytes {
  /// Writes the bytes of a new value, in little-endian order.
  public struct Writer: ~Copyable {
    private let memory: UnsafeMutableRawPointer
    private let count: Int
    fileprivate(set) var at = 0

    fileprivate init(memory: UnsafeMutableRawPointer, count: Int) {
      unsafe self.memory = memory
      self.count = count
    }

    public mutating func append(_ bytes: [UInt8]) { append(bytes.span.bytes) }

    public mutating func append(_ bytes: RawSpan) {
      unsafe bytes.withUnsafeBytes { append(unsafe $0) }
    }

    public mutating func append(_ bytes: SharedBytes) {
      withExtendedLifetime(bytes.owner) {
        unsafe append(
          UnsafeRawBufferPointer(start: bytes.first, count: bytes.count))
      }
    }

    public mutating func append<T: FixedWidthInteger & BitwiseCopyable>(littleEndian values: [T]) {
      #if _endian(little)
        unsafe values.withUnsafeBytes { append(unsafe $0) }
      #else
        for value in values {
          unsafe withUnsafeBytes(of: value.littleEndian) { append(unsafe $0) }
        }
      #endif
    }

    private mutating func append(_ bytes: UnsafeRawBufferPointer) {
      precondition(bytes.count <= count - at, "more bytes are written than there is room for")
      if let source = bytes.baseAddress {
        unsafe (memory + at).copyMemory(from: source, byteCount: bytes.count)
      }
      at += bytes.count
    }
  }
}
