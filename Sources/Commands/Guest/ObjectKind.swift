import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel

/// Objects of the guest that a selection names.
enum ObjectKind {
  case program, map, link, btf, structOps

  /// What messages call such an object.
  var noun: String {
    switch self {
    case .program: "program"
    case .map: "map"
    case .link: "link"
    case .btf: "BTF object"
    case .structOps: "map of struct_ops"
    }
  }

  /// What messages call all of them.
  var plural: String {
    switch self {
    case .program, .map, .link: "BPF \(noun)s"
    case .btf: "BTF objects"
    case .structOps: "maps of struct_ops"
    }
  }

  /// The words that select some of them, each with a value after it.
  var keys: [String] {
    switch self {
    case .program, .map: ["id", "name", "type"]
    case .link: ["id", "type"]
    case .btf, .structOps: ["id", "name"]
    }
  }

  /// Their types in this kernel, by number.
  func typeNames(in kernel: GuestKernel) -> [UInt32: String] {
    switch self {
    case .program: kernel.programTypes.names
    case .map: kernel.mapTypes.names
    case .link: kernel.linkTypes.names
    case .btf, .structOps: [:]
    }
  }

  /// All of them, to complete a word.
  func all(of bpf: BPFObjects) throws -> Snapshot<[any SelectableObject]> {
    switch self {
    case .program: try bpf.programs(BPFProgramQuery()).map(\.objects)
    case .map: try bpf.maps().map(\.objects)
    case .link: try bpf.links().map(\.objects)
    case .btf: try bpf.btfs().map(\.objects)
    case .structOps: try bpf.structOpsMaps().map(\.objects)
    }
  }
}

/// An object that a selection can name.
protocol SelectableObject {
  var id: UInt64 { get }
  /// Nil for an object that has none.
  var selectedName: String? { get }
  /// A number of the kernel's enumeration of types; nil for objects without types.
  var selectedType: UInt32? { get }
}

extension BPFProgram: SelectableObject {
  var selectedName: String? { name }
  var selectedType: UInt32? { type }
}

extension BPFMap: SelectableObject {
  var selectedName: String? { name }
  var selectedType: UInt32? { type }
}

extension BPFLink: SelectableObject {
  var selectedName: String? { nil }
  var selectedType: UInt32? { type }
}

extension BTFObject: SelectableObject {
  var selectedName: String? { name }
  var selectedType: UInt32? { nil }
}

extension StructOpsMap: SelectableObject {
  var selectedName: String? { name }
  var selectedType: UInt32? { nil }
}
