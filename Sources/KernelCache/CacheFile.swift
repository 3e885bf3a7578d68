import GuestScopeBytes

/// A file of the cache: a header, and what it holds. Numbers are little-endian.
///
///     8 bytes   the magic number
///     4 bytes   the version of the format, of the contents too
///     4 bytes   what is in it
///     8 bytes   bytes of the file
///     8 bytes   XXH64 of all that follows
enum CacheFile {
  enum Kind: UInt32 {
    case kernel = 1
    case file
    case guest
    case note
  }

  /// Goes up with each change of what any file holds, and with each change of what is found in a
  /// kernel file, symbol recipes among it: what older versions have written is then ignored.
  static let version: UInt32 = 2

  /// As PNG's: a transfer that takes the file for text changes it.
  static let magic = Array("GSCOPE\r\n".utf8)
  static let headerSize = 32

  static func header(_ kind: Kind, _ contents: SharedBytes) -> SharedBytes {
    SharedBytes(count: headerSize) { writer in
      writer.append(magic)
      writer.append(littleEndian: [version, kind.rawValue])
      writer.append(littleEndian: [UInt64(headerSize + contents.count)])
      writer.append(littleEndian: [contents.checksum])
    }
  }

  /// The contents of a file, after all checks.
  static func contents(
    of file: SharedBytes, _ kind: Kind
  ) throws(CacheError.Flaw) -> SharedBytes {
    guard file.starts(with: magic) else { throw .foreign }
    guard let version = file.u32(at: 8), let stored = file.u64(at: 16),
      let contents = file.slice(headerSize..<max(headerSize, file.count))
    else { throw .wrongLength(file.count, stored: UInt64(headerSize)) }
    guard version == Self.version else {
      if version == Self.version.byteSwapped { throw .otherByteOrder }
      throw version > Self.version ? .newer(version: version) : .older(version: version)
    }
    guard stored == UInt64(file.count) else { throw .wrongLength(file.count, stored: stored) }
    guard file.u32(at: 12) == kind.rawValue, file.u64(at: 24) == contents.checksum else {
      throw .damaged
    }
    return contents
  }
}

extension CacheError.Flaw: Error {}
