import Glibc

/// A file that a target needs cannot be read or written.
struct FileFailure: Error, CustomStringConvertible {
  var path: String
  var description: String { "\(path): \(String(cString: strerror(errno)))" }
}

/// A failed write ends the run.
func write(_ bytes: [UInt8], _ path: String) throws {
  guard let file = fopen(path, "w") else { throw FileFailure(path: path) }
  defer { fclose(file) }
  guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw FileFailure(path: path) }
}

func contents(of path: String) throws -> [UInt8] {
  guard let file = fopen(path, "r") else { throw FileFailure(path: path) }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var piece = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = fread(&piece, 1, piece.count, file)
    guard count > 0 else { return bytes }
    bytes += piece[..<count]
  }
}

/// A file in memory, which this process can change for itself alone.
func mapped(_ path: String, count: Int) throws -> UnsafeMutableRawBufferPointer {
  let file = open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { throw FileFailure(path: path) }
  defer { close(file) }
  guard let start = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0),
    start != MAP_FAILED
  else { throw FileFailure(path: path) }
  return UnsafeMutableRawBufferPointer(start: start, count: count)
}
