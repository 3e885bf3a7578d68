import Glibc

/// Reads what /proc says of this machine (Documentation/filesystems/proc.rst). What cannot be read
/// is nothing: processes end meanwhile, and those of others are closed to us.
enum ProcFiles {
  static func names(in folder: String) -> [String] {
    guard let stream = unsafe opendir(folder) else { return [] }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
      }
      names.append(name)
    }
    return names
  }

  /// What a symbolic link names, empty if that cannot be read.
  static func target(of link: String) -> String {
    var bytes = [CChar](repeating: 0, count: 4096)
    let count = unsafe readlink(link, &bytes, bytes.count)
    return String(
      decoding: bytes.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The file name in the target of /proc/PID/exe, which has more to it where the file was replaced meanwhile.
  static func executableName(_ path: String) -> String {
    let path = path.hasSuffix(" (deleted)") ? String(path.dropLast(" (deleted)".count)) : path
    return String(path.split(separator: "/").last ?? "")
  }

  static func bytes(of path: String) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe read(file, &chunk, chunk.count)
      guard count > 0 else { break }
      bytes += chunk[..<count]
    }
    return bytes
  }

  static func lines(of path: String) -> [Substring]? {
    bytes(of: path).map { String(decoding: $0, as: UTF8.self).split(separator: "\n") }
  }
}
