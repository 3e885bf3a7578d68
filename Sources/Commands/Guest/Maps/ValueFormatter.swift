import GuestScopeBTF
import GuestScopeKernelBPF

/// Makes typed JSON of the bytes of a key or a value: what bpftool calls `formatted`.
struct ValueFormatter: Sendable {
  /// A type of a BTF and the bytes of a value of it. Nil for what cannot be shown by its type.
  typealias Format = @Sendable (BTF, BTF.TypeID, [UInt8]) -> JSON?

  var format: Format

  /// The one that answers use.
  static let standard = ValueFormatter { btf, type, bytes in BTFValueJSON(btf).json(type, in: bytes)
  }

  /// The member `formatted` of an entry, as `do_dump_btf()` of bpftool has it; nil for what has no
  /// value.
  func formatted(_ entry: MapEntry, _ types: MapContents.ValueTypes) -> JSON? {
    var members: [JSON.Member] = []
    if let type = types.key, let key = entry.key.flatMap({ format(types.btf, type, $0) }) {
      members.append(.init(key: "key", value: key))
    }
    switch entry.value {
    case .bytes(let bytes), .queued(_, let bytes), .owned(_, let bytes):
      guard let value = format(types.btf, types.value, bytes) else { return nil }
      members.append(.init(key: "value", value: value))
    case .perCPU(let values):
      let formatted = values.enumerated().map { cpu, bytes -> JSON in
        ["cpu": JSON(cpu), "value": format(types.btf, types.value, bytes) ?? .null]
      }
      members.append(.init(key: "values", value: .array(formatted)))
    case .map, .program, .error, .record, .bloom, .page: return nil
    }
    return .object(members)
  }
}
