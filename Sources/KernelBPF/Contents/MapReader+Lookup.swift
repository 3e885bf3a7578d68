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
    case "array", "percpu_array", "insn_array":
      guard let index else { return [] }
      var query = query
      (query.key, query.window) = (nil, EntryWindow(offset: index, limit: 1))
      return try MapReader(map, head, query).entries()
    default: return try listed()?.filter { $0.key == key }
    }
  }

  /// Which slots of an array of pointers to read.
  func slots(ofPointers count: Int) throws(ReadFault) -> Range<Int> {
    guard query.key != nil, keySize == 4 else { return try slotsToRead() }
    return index.map { min($0, count)..<min($0 + 1, count) } ?? 0..<0
  }

  /// The key of an array.
  private var index: Int? {
    guard let key = query.key, key.count == 4 else { return nil }
    return key.u32(at: 0).map(Int.init)
  }
}
