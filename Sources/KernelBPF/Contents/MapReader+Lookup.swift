import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// One entry, of which no more is read than leads to it.
extension MapReader {
  /// Nil for a type whose entries are not read; empty for a key that the map does not have.
  func entry(of key: [UInt8]) throws(ReadFault) -> [MapEntry]? {
    guard key.count == keySize else { return [] }
    switch type {
    case "hash", "lru_hash", "percpu_hash", "lru_percpu_hash", "hash_of_maps":
      return try hashEntry(key)
    case "lpm_trie": return try trie().filter { $0.key == key }
    default: break
    }
    // The index of an array is its key.
    guard type != "devmap_hash", let index = key.u32(at: 0).map(Int.init), key.count == 4,
      index < Int(head.maxEntries)
    else { return try all(query.window)?.filter { $0.key == key } }
    return try all(EntryWindow(offset: index, limit: 1))?.filter { $0.key == key }
  }

  private func all(_ window: EntryWindow) throws(ReadFault) -> [MapEntry]? {
    var query = query
    (query.key, query.window) = (nil, window)
    return try MapReader(map, head, query).entries()
  }
}
