import Glibc

/// A file of the cache, as its folder lists it.
struct CacheEntry {
  var name: String
  /// On disk, in whole blocks.
  var bytes: Int
  /// Seconds and nanoseconds of Unix time.
  var lastUsed: (seconds: Int, nanoseconds: Int)
  /// It is being written, or was when a process ended.
  var isTemporary: Bool { name.hasPrefix(CacheFolder.temporaryPrefix) }
}

extension CacheFolder {
  /// The files of this folder.
  func entries() throws(CacheError) -> [CacheEntry] {
    // The stream closes its descriptor.
    let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard copy >= 0, let stream = unsafe fdopendir(copy) else {
      let code = errno
      if copy >= 0 { close(copy) }
      throw .system(doing: "list", path: path, errno: code)
    }
    defer { unsafe closedir(stream) }
    var entries: [CacheEntry] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
          unsafe String(cString: $0)
        }
      }
      var status = stat()
      guard unsafe fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0,
        status.st_mode & S_IFMT != S_IFDIR
      else { continue }
      let time = status.st_mtim
      entries.append(
        CacheEntry(
          name: name, bytes: (Int(status.st_size) + 4095) / 4096 * 4096,
          lastUsed: (time.tv_sec, time.tv_nsec)))
    }
    return entries
  }
}
