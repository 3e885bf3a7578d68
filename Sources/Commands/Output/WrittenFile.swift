import FoundationEssentials
import Glibc

/// Writes a file: with `.atomic` a reader sees the old one or the new one, with
/// `.withoutOverwriting` it must be new. A symbolic link stays, and a device or a pipe is written to.
///
/// - Throws: `CommandError` with the path and the reason.
func writeFile(_ path: String, _ text: String, _ options: Data.WritingOptions) throws {
  var (place, options) = (path, options)
  if options.contains(.atomic), let target = unsafe realpath(path, nil) {
    defer { unsafe free(target) }
    place = unsafe String(cString: target)
    var status = stat()
    if unsafe stat(target, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      options.remove(.atomic)
    }
  }
  do { try Data(text.utf8).write(to: URL(filePath: place), options: options) } catch {
    let cause = (error as? CocoaError)?.underlying as? POSIXError
    let reason = cause.map { unsafe String(cString: strerror($0.code.rawValue)) } ?? "\(error)"
    var failure = CommandError("cannot write \(path): \(reason)")
    failure.isOfOutput = true
    throw failure
  }
}

/// Writes all of a text.
///
/// - Returns: false where that fails; `errno` has the reason.
func writeAll(_ text: String, to descriptor: Int32) -> Bool {
  var bytes = Array(text.utf8)[...]
  while !bytes.isEmpty {
    let count = unsafe bytes.withUnsafeBytes {
      unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
    }
    if count < 0, errno == EINTR { continue }
    guard count > 0 else { return false }
    bytes = bytes.dropFirst(count)
  }
  return true
}
