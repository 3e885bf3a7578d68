import GuestScopeBytes

enum GuestField: UInt32 {
  case name = 1
  case record
}

extension KernelCache {
  /// The bytes that were stored under this name, and may be wrong by now; nil when there are none.
  public func record(named name: String) -> SharedBytes? {
    guard let fields = read(.guests, Self.key(name)).flatMap(TaggedFields<GuestField>.init),
      fields[text: .name] == name
    else { return nil }
    return fields[.record]
  }

  /// Keeps bytes under a name, in the place of those that were there.
  public func store(_ record: SharedBytes, named name: String) {
    var fields = TaggedFields<GuestField>()
    fields[text: .name] = name
    fields[.record] = record
    write(.guests, Self.key(name), fields.bytes)
  }

  /// The name in the contents of a record's file.
  static func recordName(in contents: SharedBytes) -> String? {
    TaggedFields<GuestField>(contents)?[text: .name]
  }

  private static func key(_ name: String) -> String {
    SharedBytes(Array(name.utf8)).checksum.paddedHex(16)
  }
}
