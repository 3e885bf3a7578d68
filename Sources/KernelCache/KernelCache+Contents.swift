import GuestScopeBytes
import GuestScopeKernelImage

extension KernelCache {
  /// What the cache holds.
  public struct Contents: Sendable {
    public var kernels: [Kernel] = []
    public var guests: [Guest] = []
    /// Bytes on disk of all files, those that say which kernel a file holds among them.
    public var bytes = 0
  }

  public struct Kernel: Sendable {
    public var facts: KernelFacts
    /// On disk.
    public var bytes: Int
    /// Seconds of Unix time, an hour late at most.
    public var lastUsed: Int
  }

  public struct Guest: Sendable {
    /// The name of the record.
    public var name: String
    public var bytes: Int
    public var lastUsed: Int
  }

  /// What the cache holds, used last first. Files that cannot be read are reported, and left out.
  public func list() throws(CacheError) -> Contents {
    var contents = Contents()
    guard let root = try CacheFolder(path: path) else { return contents }
    for part in Part.allCases {
      guard let folder = try root.folder(part.rawValue) else { continue }
      let entries = try folder.entries()
      contents.bytes += entries.reduce(0) { $0 + $1.bytes }
      for entry in entries.sorted(by: { $0.lastUsed > $1.lastUsed }) where !entry.isTemporary {
        add(entry, part, in: folder, to: &contents)
      }
    }
    return contents
  }

  private func add(
    _ entry: CacheEntry, _ part: Part, in folder: CacheFolder, to contents: inout Contents
  ) {
    let read = reporting { () throws(CacheError) in
      try self.contents(part, entry.name, in: folder, isUse: false)
    }
    guard let bytes = read ?? nil else { return }
    switch part {
    case .kernels:
      guard let buildID = entry.name.utf8.decodedHex, let facts = facts(buildID, in: bytes) else {
        return
      }
      contents.kernels.append(
        Kernel(facts: facts, bytes: entry.bytes, lastUsed: entry.lastUsed.seconds))
    case .guests:
      guard let name = Self.recordName(in: bytes) else { return }
      contents.guests.append(
        Guest(name: name, bytes: entry.bytes, lastUsed: entry.lastUsed.seconds))
    case .files, .notes: break
    }
  }

  /// Removes all files of the cache.
  ///
  /// - Returns: how many there were, and the bytes that they took.
  public func clear() throws(CacheError) -> (files: Int, bytes: Int) {
    var removed = (files: 0, bytes: 0)
    guard let root = try CacheFolder(path: path) else { return removed }
    for part in Part.allCases {
      guard let folder = try root.folder(part.rawValue) else { continue }
      for entry in try folder.entries() {
        try folder.remove(entry.name)
        removed.files += 1
        removed.bytes += entry.bytes
      }
    }
    return removed
  }
}
