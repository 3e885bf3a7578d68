import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_map`, of which only the types of keys and values count.
private struct BPFMapTypes: KernelStruct {
  static let kernelName = "bpf_map"
  let btf = OptionalLink<BTFHead>("btf")
  let key = OptionalMember<UInt32>("btf_key_type_id")
  let value = OptionalMember<UInt32>("btf_value_type_id")
  /// Of a map whose values the kernel declares.
  let vmlinuxValue = OptionalMember<UInt32>("btf_vmlinux_value_type_id")
}

extension MapReader {
  /// As `get_map_kv_btf()` of bpftool finds them. They never change: a constant of the map.
  func valueTypes() throws(ReadFault) -> MapContents.ValueTypes? {
    let map = try map.read(as: BPFMapTypes.self)
    if type == "struct_ops" {
      let value = try self.map.structOpsValue()
      return .init(btf: value.btf, key: nil, value: value.type)
    }
    if let value = map.vmlinuxValue, value != 0 {
      return .init(btf: walk.kernel.btf, key: nil, value: BTF.TypeID(value))
    }
    guard let value = map.value, value != 0, let btf = try map.btf?.types() else { return nil }
    let key = map.key.flatMap { $0 == 0 ? nil : BTF.TypeID($0) }
    return .init(btf: btf, key: key, value: BTF.TypeID(value))
  }
}
