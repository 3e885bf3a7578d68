import Glibc
import GuestScopeBytes

/// An open folder of the cache, of the user's own. All names are relative to it, whatever becomes of
/// its path.
final class CacheFolder {
  let path: String
  let descriptor: Int32

  /// - Returns: nil when there is no such folder.
  private init?(path: String, opened descriptor: Int32) throws(CacheError) {
    if descriptor < 0 {
      if errno == ENOENT { return nil }
      throw .system(doing: "open", path: path, errno: errno)
    }
    self.path = path
    self.descriptor = descriptor
    try Self.check(descriptor, path)
  }

  deinit { close(descriptor) }

  private static let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC

  /// The folder of the cache. Its path may lead through symbolic links: it is the user's choice.
  convenience init?(path: String) throws(CacheError) {
    try self.init(path: path, opened: open(path, Self.flags))
  }

  /// The folder of the cache, which is made, as are those above it.
  static func making(_ path: String) throws(CacheError) -> CacheFolder {
    for end in path.indices.dropFirst() where path[end] == "/" {
      // Those that are there, or cannot be made, show with the last one.
      mkdir(String(path[..<end]), 0o700)
    }
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
      throw .system(doing: "make the folder", path: path, errno: errno)
    }
    guard let folder = try CacheFolder(path: path) else {
      throw .system(doing: "open", path: path, errno: ENOENT)
    }
    return folder
  }

  /// A folder in this one; nil when there is none.
  func folder(_ name: String) throws(CacheError) -> CacheFolder? {
    try CacheFolder(
      path: path + "/" + name, opened: openat(descriptor, name, Self.flags | O_NOFOLLOW))
  }

  /// A folder in this one, which is made where there is none.
  func making(_ name: String) throws(CacheError) -> CacheFolder {
    let path = path + "/" + name
    guard mkdirat(descriptor, name, 0o700) == 0 || errno == EEXIST else {
      throw .system(doing: "make the folder", path: path, errno: errno)
    }
    guard let folder = try folder(name) else {
      throw .system(doing: "open", path: path, errno: ENOENT)
    }
    return folder
  }

  /// Refuses what others could have written.
  @discardableResult
  static func check(_ descriptor: Int32, _ path: String) throws(CacheError) -> stat {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else {
      throw .system(doing: "look at", path: path, errno: errno)
    }
    guard status.st_uid == geteuid() else { throw .otherOwner(path: path, uid: status.st_uid) }
    guard status.st_mode & 0o022 == 0 else { throw .writableByOthers(path: path) }
    return status
  }
}

extension CacheFolder {
  /// Maps a file; nil when there is none.
  ///
  /// We replace and remove files, and never change one. So a mapped file stays as it is, also when
  /// another process removes it. What remains: somebody else of the same user truncates it, or the
  /// disk fails; then a read of it ends the program with SIGBUS.
  ///
  /// - Parameter isUse: notes in the file's time that it was used.
  func map(_ name: String, isUse: Bool) throws(CacheError) -> SharedBytes? {
    let path = path + "/" + name
    // A pipe of this name would be waited for.
    let file = openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else {
      if errno == ENOENT { return nil }
      throw .system(doing: "open", path: path, errno: errno)
    }
    defer { close(file) }
    let status = try Self.check(file, path)
    guard status.st_mode & S_IFMT == S_IFREG else { throw .unreadable(path: path, .foreign) }
    guard let bytes = SharedBytes(mapping: file, count: Int(status.st_size)) else {
      throw .system(doing: "map", path: path, errno: errno)
    }
    if isUse, time(nil) - status.st_mtim.tv_sec > Self.touchInterval {
      // What goes first when the cache is full goes by this time. Nothing depends on it.
      futimens(file, nil)
    }
    return bytes
  }

  private static let touchInterval = 3600

  /// Writes a file whole, in the place of one that is there: who reads it has one or the other.
  func write(_ parts: [SharedBytes], _ name: String) throws(CacheError) {
    let path = path + "/" + name
    let size = parts.reduce(0) { $0 + $1.count }
    // Beyond this limit a write ends the program with SIGXFSZ.
    var limit = rlimit()
    if unsafe getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0,
      rlim_t(size) > limit.rlim_cur
    {
      throw .system(doing: "write", path: path, errno: EFBIG)
    }
    let temporary = Self.temporaryPrefix + String(UInt64.random(in: 0 ... .max), radix: 16)
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    let file = openat(descriptor, temporary, flags, 0o600)
    guard file >= 0 else { throw .system(doing: "write", path: path, errno: errno) }
    var failure: Int32 = 0
    for part in parts where failure == 0 { failure = Self.write(part, to: file) }
    if close(file) != 0, failure == 0 { failure = errno }
    if failure == 0, renameat(descriptor, temporary, descriptor, name) != 0 { failure = errno }
    guard failure == 0 else {
      unlinkat(descriptor, temporary, 0)
      throw .system(doing: "write", path: path, errno: failure)
    }
  }

  /// Begins the names of files that are being written.
  static let temporaryPrefix = ".new-"

  /// Returns 0 or an error number.
  private static func write(_ bytes: SharedBytes, to file: Int32) -> Int32 {
    var at = 0
    while at < bytes.count {
      let count = bytes.withSpan(of: at..<bytes.count) { span in
        unsafe span.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
      }
      if count < 0, errno == EINTR { continue }
      if count <= 0 { return count < 0 ? errno : ENOSPC }
      at += count
    }
    return 0
  }

  /// Removes a file. One that is not there any more was removed by another process.
  func remove(_ name: String) throws(CacheError) {
    guard unlinkat(descriptor, name, 0) == 0 || errno == ENOENT else {
      throw .system(doing: "remove", path: path + "/" + name, errno: errno)
    }
  }
}
