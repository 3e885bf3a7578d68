import GuestScopeKernelBPF
import GuestScopeLinuxKernel

/// A pointer of the kernel in a value of a map, and what it leads to.
struct MapPointer {
  /// Nil for a value that is not one of each CPU.
  var cpu: Int?
  /// From the value on: `task`, `owners[2].task`.
  var member: String
  var address: UInt64
  var name: String

  var json: JSON {
    let cpu = cpu.map { [JSON.Member(key: "cpu", value: JSON($0))] } ?? []
    return .object(
      cpu + [
        .init(key: "member", value: .string(member)),
        .init(key: "address", value: .unsigned(address)), .init(key: "name", value: .string(name)),
      ])
  }

  var text: String {
    (cpu.map { "CPU \($0): " } ?? "") + "\(member) = \(address.hex) <\(name)>"
  }
}

extension MapEntry {
  /// By the types of their map; none for what has no value of these types.
  fileprivate func values(_ types: MapContents.ValueTypes) -> [(cpu: Int?, value: KernelValue)] {
    let decoder = ValueDecoder(types.btf)
    switch value {
    case .bytes(let bytes), .queued(_, let bytes), .owned(_, let bytes):
      return [(nil, decoder.value(types.value, in: bytes))]
    case .perCPU(let copies):
      return copies.enumerated().map { ($0, decoder.value(types.value, in: $1)) }
    default: return []
    }
  }

  /// - Parameter name: of what an address leads to; nil where it has none.
  func pointers(
    _ types: MapContents.ValueTypes, _ name: (UInt64) -> String?
  ) -> [MapPointer] {
    values(types).flatMap { cpu, value in
      value.pointers(at: "").compactMap { member, address in
        name(address).map { MapPointer(cpu: cpu, member: member, address: address, name: $0) }
      }
    }
  }
}

extension KernelValue {
  fileprivate func pointers(at path: String) -> [(member: String, address: UInt64)] {
    switch self {
    // Below the kernel's half no object of the kernel is meant.
    case .pointer(let pointer) where pointer.address.rawValue >> 63 == 1:
      [(path, pointer.address.rawValue)]
    case .fields(let fields):
      fields.flatMap { $0.value.pointers(at: path.isEmpty ? $0.name : "\(path).\($0.name)") }
    case .elements(let elements):
      elements.enumerated().flatMap { $1.pointers(at: "\(path)[\($0)]") }
    default: []
    }
  }
}

extension Session {
  /// The names of what the pointers in the values of a map lead to; nil for a map without types.
  func pointerNames(of map: MapContents) throws -> PointerNames? {
    guard let types = map.types else { return nil }
    let values = map.entries.flatMap { $0.values(types) }.map { (value: $0.value, btf: types.btf) }
    return pointerNames(of: values, in: try kernel)
  }
}
