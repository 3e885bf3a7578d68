/// One BTF type: `struct btf_type` of include/uapi/linux/btf.h and what follows it. Sizes are in
/// bytes unless they say bits.
public enum BTFType: Equatable, Sendable {
  case void
  case int(size: Int, bits: Int, bitOffset: Int, encoding: IntEncoding)
  case ptr(BTF.TypeID)
  case array(element: BTF.TypeID, index: BTF.TypeID, count: Int)
  case `struct`(size: Int, members: [Member])
  case union(size: Int, members: [Member])
  /// `isSigned` is the type's flag. pahole(1) sets it from 1.24 on: in older kernels every enum is
  /// unsigned, and -1 is 4294967295, as bpftool prints it.
  case `enum`(size: Int, isSigned: Bool, enumerators: [Enumerator])
  case enum64(size: Int, isSigned: Bool, enumerators: [Enumerator])
  case fwd(isUnion: Bool)
  case typedef(BTF.TypeID)
  case volatile(BTF.TypeID)
  case const(BTF.TypeID)
  case restrict(BTF.TypeID)
  case `func`(proto: BTF.TypeID)
  case funcProto(returns: BTF.TypeID, parameters: [Parameter])
  case `var`(BTF.TypeID)
  case datasec(size: Int, variables: [Variable])
  case float(size: Int)
  /// `component` is the index of a member or parameter, nil when the tag is on the whole type.
  case declTag(BTF.TypeID, component: Int?)
  case typeTag(BTF.TypeID)

  /// The `encoding` bits of an int: `BTF_INT_SIGNED`, `BTF_INT_CHAR`, `BTF_INT_BOOL`.
  public struct IntEncoding: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let signed = IntEncoding(rawValue: 1)
    public static let char = IntEncoding(rawValue: 2)
    public static let bool = IntEncoding(rawValue: 4)
  }

  /// A member of a struct or union; its name is empty when it is anonymous.
  public struct Member: Equatable, Sendable {
    public let name: BTFString
    public let type: BTF.TypeID
    /// Bits from the start of the struct.
    public let bitOffset: Int
    /// Bits of a bit-field, 0 when the member is none.
    public let bitSize: Int
  }

  /// A name and value of an enum. The value is any of `Int64` or, of an unsigned enum, of `UInt64`.
  public struct Enumerator: Equatable, Sendable {
    public let name: BTFString
    public let value: Int128
  }

  /// A parameter of a function; type 0 at the end stands for `...`.
  public struct Parameter: Equatable, Sendable {
    public let name: BTFString
    public let type: BTF.TypeID
  }

  /// A variable of a data section: `struct btf_var_secinfo`, in bytes from the section's start.
  public struct Variable: Equatable, Sendable {
    public let type: BTF.TypeID
    public let offset: Int
    public let size: Int
  }
}

/// A name in BTF: the offset of its first byte in the string section, 0 for none. Text by
/// `BTF.text(_:)`.
public struct BTFString: Equatable, Hashable, Sendable {
  public let offset: UInt32

  public var isEmpty: Bool { offset == 0 }
}

/// `BTF_KIND_*` of include/uapi/linux/btf.h.
public enum BTFKind: UInt8, Sendable {
  case void = 0
  case int = 1
  case ptr = 2
  case array = 3
  case `struct` = 4
  case union = 5
  case `enum` = 6
  case fwd = 7
  case typedef = 8
  case volatile = 9
  case const = 10
  case restrict = 11
  case `func` = 12
  case funcProto = 13
  case `var` = 14
  case datasec = 15
  case float = 16
  case declTag = 17
  case typeTag = 18
  case enum64 = 19
}
