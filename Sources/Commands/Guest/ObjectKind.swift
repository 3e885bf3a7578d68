import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel

/// A kind of objects of the guest that a selection names. Each is declared beside its command.
struct ObjectKind {
  /// What messages call such an object, and all of them.
  let noun: String
  let plural: String
  /// The words that select some of them, each with a value after it.
  let keys: [String]
  /// Their types in this kernel, by number.
  var typeNames: @Sendable (GuestKernel) -> [UInt32: String] = { _ in [:] }
  /// All of them, to complete a word.
  let all: @Sendable (BPFObjects) throws -> Snapshot<[any SelectableObject]>
}

extension ObjectKind: Equatable {
  static func == (a: Self, b: Self) -> Bool { a.noun == b.noun }
}

/// An object that a selection can name.
protocol SelectableObject {
  var id: UInt64 { get }
  /// Nil for an object that has none.
  var selectedName: String? { get }
  /// A number of the kernel's enumeration of types; nil for objects without types.
  var selectedType: UInt32? { get }
}
