import GuestScopeBTF
import GuestScopeGuestMemory

/// A structure of the kernel as a walker declares it: one line a member, each with the kernel's own
/// spelling. The kernel's BTF says where the members are.
///
///     struct BPFMapStruct: KernelStruct {
///       static let kernelName = "bpf_map"
///       let id = Member<UInt32>("id")
///       /// Since 5.2 (commit 87df15de441b).
///       let frozen = OptionalMember<Bool>("frozen")
///       let btf = OptionalLink<BTFStruct>("btf")
///     }
///
/// An object is one read of all that is declared, so declare what one question needs, and the rest
/// in another declaration of the same structure.
public protocol KernelStruct: Sendable {
  /// As in `struct bpf_map`. A structure without a name of its own is found through a link.
  static var kernelName: String { get }
  init()
  /// Whether a structure that lasts as long as the object `key` is complete. One that is still being filled is
  /// read again.
  static func isComplete(
    _ object: KernelObject<Self>, of key: ObjectKey
  ) throws(ReadFault) -> Bool
}

extension KernelStruct {
  public static func isComplete(
    _ object: KernelObject<Self>, of key: ObjectKey
  ) throws(ReadFault) -> Bool { true }
}

/// A member that every kernel has: one without it is an error that names it.
public final class Member<Value: MemberValue>: DeclaredMember, @unchecked Sendable {
  /// - Parameters:
  ///   - paths: the kernel's spellings, of which the first counts that this kernel has, and the
  ///     last is what errors name. Dots lead into embedded structures: `idr_rt.xa_head`.
  ///   - size: bytes, of a value whose type leaves them open, such as text; nil for any number.
  public init(_ paths: String..., size: Int? = nil) {
    super.init(paths, isRequired: true, Value.form, size: size ?? Value.size)
  }
}

/// A member that some kernels lack: its value is nil there. Name the version or commit beside it.
public final class OptionalMember<Value: MemberValue>: DeclaredMember, @unchecked Sendable {
  public init(_ paths: String..., size: Int? = nil) {
    super.init(paths, isRequired: false, Value.form, size: size ?? Value.size)
  }
}

/// A member that leads to another structure, which is embedded, or at the end of a pointer that is
/// never NULL: the BTF says which.
public final class Link<Target: KernelStruct>: DeclaredMember, @unchecked Sendable {
  public init(_ paths: String...) { super.init(paths, isRequired: true, .link(Target.self)) }
}

/// The same, of a member that some kernels lack or of a pointer that may be NULL.
public final class OptionalLink<Target: KernelStruct>: DeclaredMember, @unchecked Sendable {
  public init(_ paths: String...) { super.init(paths, isRequired: false, .link(Target.self)) }
}

/// An embedded structure of which nothing is read: it only says where it is in the one around it,
/// for `container_of`.
public final class Place: DeclaredMember, @unchecked Sendable {
  public init(_ paths: String...) { super.init(paths, isRequired: true, .place) }
}

/// A per-CPU pointer to a structure, of which each CPU has one.
public final class PerCPULink<Target: KernelStruct>: DeclaredMember, @unchecked Sendable {
  public init(_ paths: String...) { super.init(paths, isRequired: false, .pointer, size: 8) }
}

/// A pointer to an array of structures, or to an array of pointers to them, whose length another
/// member has: the BTF says which.
public final class Items<Element: KernelStruct>: DeclaredMember, @unchecked Sendable {
  let count: DeclaredMember
  /// More elements than this are garbage.
  let most: Int

  public init(_ path: String, count: String, most: Int) {
    self.count = OptionalMember<UInt32>(count)
    self.most = most
    super.init([path], isRequired: false, .items(Element.self), with: self.count)
  }
}

/// A pointer to NUL-terminated text.
public final class TextLink: DeclaredMember, @unchecked Sendable {
  public init(_ paths: String...) { super.init(paths, isRequired: false, .pointer, size: 8) }
}
