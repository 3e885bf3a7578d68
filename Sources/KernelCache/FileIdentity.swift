import Glibc

/// What shows whether a kernel file is still the one that was read, without reading it. Any change
/// of a file changes its `ctime`, which nobody can set back.
public struct FileIdentity: Sendable {
  /// The file's name as the user gave it; it says nothing of the file.
  public var path: String
  var device: UInt64
  var inode: UInt64
  var size: UInt64
  /// In nanoseconds of Unix time, modulo 2^64.
  var modified: UInt64
  var changed: UInt64
  /// It changed so short a time before we looked that another change could have the same time.
  var mayChangeUnseen: Bool

  /// - Returns: nil for what is not a file that is there.
  public init?(path: String) {
    // The clock first: what changes after it shows in the time.
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    var status = stat()
    guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    self.path = path
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    size = UInt64(bitPattern: Int64(status.st_size))
    modified = Self.nanoseconds(status.st_mtim)
    changed = Self.nanoseconds(status.st_ctim)
    // The kernel takes the time of its last tick, 10 ms ago at most; some file systems keep whole
    // seconds, or two.
    let precision: UInt64 = status.st_ctim.tv_nsec == 0 ? 2_000_000_000 : 20_000_000
    let age = Self.nanoseconds(now) &- changed
    mayChangeUnseen = age < precision || age > 1 << 63
  }

  private static func nanoseconds(_ time: timespec) -> UInt64 {
    UInt64(bitPattern: Int64(time.tv_sec)) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
  }

  /// Whether both are of one file with the same contents, by whatever name.
  func isSameFile(as other: Self) -> Bool {
    (device, inode, size) == (other.device, other.inode, other.size)
      && (modified, changed) == (other.modified, other.changed)
  }
}
