import ArgumentParser
import GuestScopeGuestMemory
import GuestScopeKernelBPF

/// The key of one entry, as the words after `key` have it.
enum MapKey {
  case bytes([UInt8])
  case expression(KeyExpression)

  /// bpftool's forms are `10 0 0 0`, `0x0a 0 0 0` and `hex 0a 00 00 00`.
  init(_ words: [String]) throws {
    let isHex = words.first == "hex"
    let texts = isHex ? Array(words.dropFirst()) : words
    // One word may be a byte, and is a number as well: a byte is one.
    if !isHex, texts.count == 1 || texts.contains(where: { $0.contains("=") }) {
      guard let expression = KeyExpression(texts) else {
        throw ValidationError(
          "'\(texts.joined(separator: " "))' does not name the members of a key, as in pid=17,cpu=2"
        )
      }
      self = .expression(expression)
      return
    }
    self = .bytes(
      try texts.map { text in
        guard let byte = Self.byte(text, isHex: isHex) else {
          throw ValidationError("'\(text)' is not a byte of a key")
        }
        return byte
      })
  }

  private static func byte(_ text: String, isHex: Bool) -> UInt8? {
    let digits = text.hasPrefix("0x") ? text.dropFirst(2) : text[...]
    guard digits.allSatisfy(\.isHexDigit) else { return nil }
    return UInt8(digits, radix: isHex || text.hasPrefix("0x") ? 16 : 10)
  }
}

extension Session {
  /// What is in one map.
  func contents(ofMap id: UInt64, _ query: MapContentsQuery) throws -> Snapshot<MapContents> {
    let snapshot = try ofThisBoot { kernel in try bpf(of: kernel).contents(query) }
    guard let contents = snapshot.value.first else {
      throw CommandError(
        snapshot.unreadable.first.map { "\($0)" } ?? "the guest has no map with id \(id)")
    }
    return snapshot.map { _ in contents }
  }

  /// The bytes of a key. Members need the map's types, which never change: they are read in a snapshot
  /// of their own.
  func bytes(of key: MapKey, ofMap id: UInt64) throws -> [UInt8] {
    guard case .expression(let expression) = key else {
      if case .bytes(let bytes) = key { return bytes }
      return []
    }
    let query = MapContentsQuery(
      ObjectQuery(ids: [id]), window: EntryWindow(limit: 0), wantsTypes: true)
    let keys = KeysOfMap(try contents(ofMap: id, query).value)
    let pattern = try KeyPattern(expression, of: keys)
    let open = pattern.openMembers(of: keys)
    guard open.isEmpty else {
      throw CommandError(
        "a key of map \(id) has more members: \(open.joined(separator: ", ")); map dump --key finds "
          + "entries by some of them")
    }
    return pattern.bytes
  }
}
