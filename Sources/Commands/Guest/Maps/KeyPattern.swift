import GuestScopeBTF
import GuestScopeKernelBPF

/// What the keys of a map are.
struct KeysOfMap {
  /// The id of the map.
  var map: UInt64
  /// Bytes of a key.
  var size: Int
  /// Nil for keys without a type.
  var type: (btf: BTF, id: BTF.TypeID)?
}

extension KeysOfMap {
  init(_ contents: MapContents) {
    let type = contents.types.flatMap { types in types.key.map { (types.btf, $0) } }
    self.init(map: contents.map.id, size: Int(contents.map.keySize), type: type)
  }
}

/// Bits that the keys of a map must have: all of a key, or some parts of it.
struct KeyPattern: Hashable {
  private(set) var bytes: [UInt8]
  /// The bits that count.
  private var mask: [UInt8]

  /// - Throws: a sentence when the keys of this map are not of such parts.
  init(_ expression: KeyExpression, of keys: KeysOfMap) throws {
    guard keys.size > 0 else { throw CommandError("map \(keys.map) has no keys") }
    bytes = Array(repeating: 0, count: keys.size)
    mask = bytes
    for part in expression.parts {
      let (bits, type) = try Self.place(of: part.path, in: keys)
      guard let value = type.bytes(of: part.text, bits: bits.count) else {
        let name = part.path.isEmpty ? "the key" : part.path
        throw CommandError(
          "'\(part.text)' is not a value of \(name) of map \(keys.map): \(type.description)")
      }
      try store(value, in: bits)
    }
  }

  /// The bits of a part and its type. A key without a type is a number.
  private static func place(
    of path: String, in keys: KeysOfMap
  ) throws -> (Range<Int>, KeyType) {
    let whole = 0..<8 * keys.size
    guard let (btf, key) = keys.type else {
      guard path.isEmpty, [1, 2, 4, 8].contains(keys.size) else {
        throw CommandError(
          "the keys of map \(keys.map) have no type: give the \(keys.size) bytes of one")
      }
      return (whole, .number(isSigned: false))
    }
    let name = (try? btf.declaration(of: key)) ?? "its type"
    guard !path.isEmpty else {
      guard let type = KeyType(key, in: btf) else {
        throw CommandError(
          "a key of map \(keys.map) is \(name): name its parts, as in \(hint(key, btf))")
      }
      return (whole, type)
    }
    guard let field = try? btf.field(path, in: key) else {
      throw CommandError("a key of map \(keys.map), \(name), has no member \(path)")
    }
    guard let type = KeyType(field.type, in: btf) else {
      throw CommandError("\(path) of a key of map \(keys.map) has parts of its own: name those")
    }
    return (field.allBits, type)
  }

  private static func hint(_ key: BTF.TypeID, _ btf: BTF) -> String {
    let leaves = btf.leaves(of: key).prefix(3).map { "\($0.path)=…" }
    return leaves.isEmpty ? "member=…" : leaves.joined(separator: ",")
  }

  private mutating func store(_ value: [UInt8], in bits: Range<Int>) throws {
    guard bits.lowerBound >= 0, bits.upperBound <= 8 * bytes.count else {
      throw CommandError("the types of the map's keys lead beyond them")
    }
    for (index, bit) in bits.enumerated() {
      let isSet = value.indices.contains(index / 8) && value[index / 8] >> (index % 8) & 1 == 1
      let place = UInt8(1) << (bit % 8)
      mask[bit / 8] |= place
      if isSet { bytes[bit / 8] |= place } else { bytes[bit / 8] &= ~place }
    }
  }

  func matches(_ key: [UInt8]) -> Bool {
    key.count == bytes.count && key.indices.allSatisfy { key[$0] & mask[$0] == bytes[$0] }
  }

  /// Members of which some bits are left open.
  func openMembers(of keys: KeysOfMap) -> [String] {
    guard let (btf, key) = keys.type else { return [] }
    return btf.leaves(of: key).filter { leaf in
      leaf.bits.clamped(to: 0..<8 * mask.count).contains { bit in
        mask[bit / 8] >> (bit % 8) & 1 == 0
      }
    }.map(\.path)
  }
}
