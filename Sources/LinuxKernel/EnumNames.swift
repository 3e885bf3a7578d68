import GuestScopeBTF

/// The words that bpftool has for the numbers of an enumeration: `BPF_MAP_TYPE_LRU_HASH` is
/// `lru_hash`. They are the kernel's own, so that a newer kernel's types have their names as well.
public struct EnumNames: Sendable {
  public let names: [UInt32: String]

  /// - Parameter prefix: what all enumerators begin with; others, such as `__MAX_BPF_MAP_TYPE`, do
  ///   not count.
  public init(_ btf: BTF, enum name: String, prefix: String) {
    var names: [UInt32: String] = [:]
    for (name, value) in btf.enumerators(ofEnum: name) ?? [] where name.hasPrefix(prefix) {
      let number = UInt32(truncatingIfNeeded: value)
      let word = name.dropFirst(prefix.count).lowercased()
      // Of two names for a number, as BPF_MAP_TYPE_CGROUP_STORAGE has them, the old one counts.
      if let known = names[number], !known.hasSuffix("_deprecated") { continue }
      names[number] = word
    }
    self.names = names
  }

  public subscript(number: UInt32) -> String? { names[number] }

  public func number(of name: String) -> UInt32? { names.first { $0.value == name }?.key }
}
