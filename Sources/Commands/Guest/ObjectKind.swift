import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel

/// Objects of the guest that a selection names.
enum ObjectKind: String {
  case program, map

  /// What messages call such an object, and all of them.
  var noun: String { rawValue }
  var plural: String { "BPF \(noun)s" }

  /// The words that select some of them, each with a value after it.
  var keys: [String] { ["id", "name", "type"] }

  /// Their types in this kernel, by number.
  func typeNames(in kernel: GuestKernel) -> [UInt32: String] {
    switch self {
    case .program: kernel.programTypes.names
    case .map: kernel.mapTypes.names
    }
  }

  /// All of them, to complete a word.
  func all(of bpf: BPFObjects) throws -> Snapshot<[any SelectableObject]> {
    switch self {
    case .program: try bpf.programs(BPFProgramQuery()).map(\.objects)
    case .map: try bpf.maps().map(\.objects)
    }
  }
}

/// An object that a selection can name.
protocol SelectableObject {
  var id: UInt64 { get }
  var name: String { get }
  /// A number of the kernel's enumeration of types.
  var type: UInt32 { get }
}

extension BPFProgram: SelectableObject {}
extension BPFMap: SelectableObject {}
