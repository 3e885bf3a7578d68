import Glibc

/// All bytes of a file, or the errno of what failed; `EFBIG` for one above `limit` bytes.
func readFile(_ path: String, limit: Int) throws(Errno) -> [UInt8] {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw Errno(code: errno) }
  defer { close(descriptor) }
  var status = stat()
  guard fstat(descriptor, &status) == 0 else { throw Errno(code: errno) }
  guard status.st_size <= limit else { throw Errno(code: EFBIG) }
  var failure: Int32 = 0
  let bytes = [UInt8](unsafeUninitializedCapacity: Int(status.st_size)) { buffer, count in
    while count < buffer.count {
      let n = read(descriptor, buffer.baseAddress! + count, buffer.count - count)
      if n < 0, errno == EINTR { continue }
      if n < 0 { failure = errno }
      guard n > 0 else { break }
      count += n
    }
  }
  guard failure == 0 else { throw Errno(code: failure) }
  return bytes
}

struct Errno: Error { let code: Int32 }
