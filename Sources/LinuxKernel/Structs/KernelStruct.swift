import GuestScopeBTF
import GuestScopeBytes
import GuestScopeGuestMemory

/// A structure of the kernel as a walker declares it: one line a member, each with the kernel's own
/// spelling. `StructLayout` finds the members in the kernel's BTF.
///
///     struct BPFMapStruct: KernelStruct {
///       static let kernelName = "bpf_map"
///       let id = Member<UInt32>("id")
///       let btf = Link<BTFStruct>("btf")
///     }
///
/// Only members that are constants of these types count: `Member`, `OptionalMember`, `Link`.
public protocol KernelStruct: Sendable {
  /// As in `struct bpf_map`. A structure without a name of its own is found through a `Link`.
  static var kernelName: String { get }
  init()
}

/// A member that every kernel has: one without it is an error that names it.
public struct Member<Value: MemberValue>: Sendable {
  let declaration: MemberDeclaration

  /// - Parameters:
  ///   - path: the kernel's spelling, with dots into embedded structures: `idr_rt.xa_head`.
  ///   - size: bytes, of a value whose type leaves them open, such as text.
  public init(_ path: String, size: Int? = nil) {
    declaration = MemberDeclaration(
      path: path, isRequired: true, form: .value(Value.form), size: size ?? Value.size)
  }
}

/// A member that some kernels lack: its value is nil there. Name the version or commit beside it.
public struct OptionalMember<Value: MemberValue>: Sendable {
  let declaration: MemberDeclaration

  public init(_ path: String, size: Int? = nil) {
    declaration = MemberDeclaration(
      path: path, isRequired: false, form: .value(Value.form), size: size ?? Value.size)
  }
}

/// A member that leads to another structure, which is embedded, or behind a pointer: the BTF says
/// which. Structures must not lead to themselves.
public struct Link<Target: KernelStruct>: Sendable {
  let declaration: MemberDeclaration

  public init(_ path: String, isRequired: Bool = true) {
    declaration = MemberDeclaration(
      path: path, isRequired: isRequired,
      form: .link { btf, type throws(BTFError) in
        switch try btf.type(type) {
        // The BTF does not say more than that it is a pointer: the declaration names the structure.
        case .fwd, .void: try StructLayout<Target>(btf)
        default: try StructLayout<Target>(btf, type: type)
        }
      }, size: nil)
  }
}

// MARK: Values

/// What a member of a structure can be read as.
public protocol MemberValue: Sendable {
  static var form: ValueForm { get }
  /// Bytes in the kernel; nil for a value that each member gives a size of its own.
  static var size: Int? { get }
  /// - Parameter bytes: those of the member, little-endian; of a bit-field 0 or 1.
  static func decoded(_ bytes: ArraySlice<UInt8>) -> Self
}

/// Which types of the BTF a value can be of.
public enum ValueForm: String, Sendable {
  /// `BTF_KIND_INT`, `BTF_KIND_ENUM` or `BTF_KIND_ENUM64`.
  case integer
  case pointer
  /// An array of bytes.
  case text
}

extension MemberValue where Self: FixedWidthInteger {
  public static var form: ValueForm { .integer }
  public static var size: Int? { bitWidth / 8 }
  public static func decoded(_ bytes: ArraySlice<UInt8>) -> Self {
    bytes.reversed().reduce(0) { $0 << 8 | Self(truncatingIfNeeded: $1) }
  }
}

extension UInt8: MemberValue {
  public static func decoded(_ bytes: ArraySlice<UInt8>) -> UInt8 { bytes.first ?? 0 }
}
extension UInt16: MemberValue {}
extension UInt32: MemberValue {}
extension UInt64: MemberValue {}
extension Int32: MemberValue {}
extension Int64: MemberValue {}

/// A `bool`, or a bit-field of one bit.
extension Bool: MemberValue {
  public static var form: ValueForm { .integer }
  public static var size: Int? { 1 }
  public static func decoded(_ bytes: ArraySlice<UInt8>) -> Bool { bytes.contains { $0 != 0 } }
}

/// A pointer to what is not declared.
extension KernelVirtualAddress: MemberValue {
  public static var form: ValueForm { .pointer }
  public static var size: Int? { 8 }
  public static func decoded(_ bytes: ArraySlice<UInt8>) -> KernelVirtualAddress {
    KernelVirtualAddress(UInt64.decoded(bytes))
  }
}

/// NUL-terminated text in an array of `size` bytes.
extension String: MemberValue {
  public static var form: ValueForm { .text }
  public static var size: Int? { nil }
  public static func decoded(_ bytes: ArraySlice<UInt8>) -> String {
    Array(bytes).nulTerminatedText
  }
}
