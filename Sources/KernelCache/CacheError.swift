import Glibc

/// Why the cache, or a file in it, is not used.
public enum CacheError: Error, Equatable, Sendable {
  /// A call to the system failed on a path; `doing` is what could not be done, "write".
  case system(doing: String, path: String, errno: Int32)
  /// The file or folder is somebody else's.
  case otherOwner(path: String, uid: UInt32)
  /// Others than its owner may write to the file or folder.
  case writableByOthers(path: String)
  /// The file is not one that this version can read.
  case unreadable(path: String, Flaw)

  /// What is wrong with a file.
  public enum Flaw: Equatable, Sendable {
    /// It does not begin as our files do.
    case foreign
    /// Its numbers are in the order of another kind of machine.
    case otherByteOrder
    case newer(version: UInt32)
    case older(version: UInt32)
    /// The file has the first number of bytes, and its header says the second.
    case wrongLength(Int, stored: UInt64)
    case damaged
  }
}

extension CacheError: CustomStringConvertible {
  /// A whole sentence without its full stop.
  public var description: String {
    switch self {
    case .system(let doing, let path, let code):
      "cannot \(doing) \(path): \(unsafe String(cString: strerror(code)))"
    case .otherOwner(let path, let uid):
      "\(path) belongs to another user (uid \(uid)), and what it says is not trusted: remove it, or "
        + "set XDG_CACHE_HOME to a folder of your own"
    case .writableByOthers(let path):
      "other users can write to \(path), so what it says is not trusted: chmod go-w \(path) changes "
        + "that"
    case .unreadable(let path, let flaw): "\(path) \(flaw)"
    }
  }
}

extension CacheError.Flaw: CustomStringConvertible {
  public var description: String {
    switch self {
    case .foreign: "is not a cache file of guestscope"
    case .otherByteOrder: "was written on a machine of another byte order"
    case .newer(let version):
      "was written by a newer guestscope (format \(version), this one reads \(CacheFile.version))"
    case .older(let version):
      "was written by an older guestscope (format \(version), this one reads \(CacheFile.version))"
    case .wrongLength(let count, let stored):
      "is damaged: it has \(count) bytes, and says \(stored)"
    case .damaged: "is damaged: its checksum is not that of its contents"
    }
  }
}
