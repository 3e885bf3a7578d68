import Glibc

extension KernelCache {
  /// A temporary file that is older, in seconds, was left by a process that has ended.
  private static let temporaryAge = 3600

  /// Removes what was used longest ago until all fits.
  func shrink(_ root: CacheFolder, keeping kept: (part: Part, name: String)) throws(CacheError) {
    var files: [(folder: CacheFolder, part: Part, entry: CacheEntry)] = []
    for part in Part.allCases {
      guard let folder = try root.folder(part.rawValue) else { continue }
      for entry in try folder.entries() {
        if entry.isTemporary {
          if time(nil) - entry.lastUsed.seconds > Self.temporaryAge {
            try folder.remove(entry.name)
          }
          continue
        }
        files.append((folder, part, entry))
      }
    }
    var bytes = files.reduce(0) { $0 + $1.entry.bytes }
    guard bytes > limit else { return }
    for file in files.sorted(by: { $0.entry.lastUsed < $1.entry.lastUsed }) where bytes > limit {
      guard (file.part, file.entry.name) != kept else { continue }
      try file.folder.remove(file.entry.name)
      bytes -= file.entry.bytes
    }
  }
}
