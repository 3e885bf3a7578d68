import GuestScopeBytes

/// Why a BTF blob could not be read, or why it has no answer to a question.
public enum BTFError: Error, Hashable, Sendable {
  /// The blob breaks the format at a byte offset from its start.
  case malformed(String, offset: Int)
  /// There is no type with this id.
  case noType(id: BTF.TypeID)
  /// There is no struct, union or typedef of one with this name.
  case noStruct(name: String)
  case noTypedef(name: String)
  /// The struct has no member at this path.
  case noMember(path: String, structName: String)
  /// A type has no such member or element; `of` is the type as C writes it.
  case noStep(MemberPath.Step, of: String)
  /// An array has fewer elements.
  case outOfBounds(Int, count: Int, of: String)
  /// Several structs or unions of this name have the members that are asked for.
  case ambiguous(name: String, ids: [BTF.TypeID])
  /// No kernel has this member of so many bytes.
  case badSize(Int, path: String, structName: String)
  /// The member is of another type or size than the reader knows.
  case otherType(path: String, structName: String, found: String, expected: String)
  /// Types refer to each other without an end, or deeper than any compiler would make them.
  case tooDeep(id: BTF.TypeID)
}

extension BTFError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .malformed(let what, let offset):
      "the BTF is damaged: \(what) at byte \(offset.hex)"
    case .noType(let id):
      "this kernel's BTF has no type with id \(id)"
    case .noStruct(let name):
      "this kernel's BTF has no struct or union \(name)"
    case .noTypedef(let name):
      "this kernel's BTF has no typedef \(name)"
    case .noMember(let path, let structName):
      "struct \(structName) has no member \(path) in this kernel's BTF"
    case .noStep(.member(let name), let type): "\(type) has no member \(name)"
    case .noStep(.element(let index), let type):
      "\(type) has no [\(index)]: it is neither an array nor a pointer"
    case .outOfBounds(let index, let count, let type):
      "\(type) has no [\(index)]: it has \(counted(count, "element"))"
    case .ambiguous(let name, let ids):
      "this kernel's BTF has \(ids.count) different structs \(name) (type ids "
        + "\(ids.map(\.description).joined(separator: ", "))), and which one is meant is not known"
    case .badSize(let size, let path, let structName):
      "the BTF is damaged: \(path) of struct \(structName) has \(size) bytes"
    case .otherType(let path, let structName, let found, let expected):
      "\(path) of struct \(structName) is \(found) in this kernel's BTF; guestscope can read it only "
        + "as \(expected)"
    case .tooDeep(let id):
      "the BTF is damaged: type \(id) contains or refers to itself without an end"
    }
  }
}

extension BTFError {
  /// True when the types are sound, and a path asks for what they do not have.
  var isOfPath: Bool {
    switch self {
    case .noStep, .outOfBounds: true
    default: false
    }
  }
}
