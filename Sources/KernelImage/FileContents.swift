import Glibc

/// The bytes of a file: in memory, or on disk and read piece by piece.
///
/// A vmlinux with debug information has up to a gigabyte, of which some ten megabytes are of use.
enum FileContents: Sendable {
  case memory([UInt8])
  case disk(OpenFile)

  var count: Int {
    switch self {
    case .memory(let bytes): bytes.count
    case .disk(let file): file.size
    }
  }

  /// The bytes of a range that lies within `count`.
  func bytes(_ range: Range<Int>) throws(KernelImageError.Reason) -> [UInt8] {
    // A memory dump is an ELF file too, and may say that it holds terabytes.
    guard range.count <= KernelContainer.maxSize else {
      throw .tooBig(limit: KernelContainer.maxSize)
    }
    return switch self {
    case .memory(let bytes): Array(bytes[range])
    case .disk(let file): try file.read(range)
    }
  }
}

/// A file that is open for reading; it is closed with the last reference.
final class OpenFile: Sendable {
  private let descriptor: Int32
  /// Bytes when it was opened.
  let size: Int

  init(path: String) throws(KernelImageError.Reason) {
    // Without O_NONBLOCK a pipe that nobody writes to would be waited for.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .unreadable(errno: errno) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let code = errno
      close(descriptor)
      throw .unreadable(errno: code)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw status.st_mode & S_IFMT == S_IFDIR ? .unreadable(errno: EISDIR) : .noFile
    }
    self.descriptor = descriptor
    size = Int(status.st_size)
  }

  deinit { close(descriptor) }

  /// The bytes of a range; `EIO` when the file has become shorter.
  func read(_ range: Range<Int>) throws(KernelImageError.Reason) -> [UInt8] {
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
      while count < range.count {
        let n = pread(
          descriptor, buffer.baseAddress! + count, range.count - count,
          range.lowerBound + count)
        if n < 0, errno == EINTR { continue }
        if n <= 0 {
          failure = n < 0 ? errno : EIO
          break
        }
        count += n
      }
    }
    guard failure == 0 else { throw .unreadable(errno: failure) }
    return bytes
  }
}
