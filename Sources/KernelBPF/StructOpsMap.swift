import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_struct_ops_map` of kernel/bpf/bpf_struct_ops.c.
private struct BPFStructOpsMap: KernelStruct {
  static let kernelName = "bpf_struct_ops_map"
  let map = Place("map")
  /// The types that its value is of: since 6.9 (commit 1338b93346587), as a module may have them.
  let btf = OptionalLink<BTFHead>("btf")
}

/// `struct bpf_map`, of which only the type of a value counts that is the kernel's own.
private struct BPFMapValueType: KernelStruct {
  static let kernelName = "bpf_map"
  let valueType = Member<UInt32>("btf_vmlinux_value_type_id")
}

/// A map of struct_ops: an implementation of one of the kernel's tables of functions.
public struct StructOpsMap: Sendable {
  public var id: UInt64
  public var name: String
  /// The kernel's struct: `tcp_congestion_ops`; nil where its types cannot be read.
  public var structOps: String?
}

extension BPFObjects {
  /// The maps of struct_ops by ascending id.
  public func structOpsMaps(
    _ query: ObjectQuery = ObjectQuery()
  ) throws(KernelError) -> Snapshot<ObjectList<StructOpsMap>> {
    let table = try IDTable<BPFMapStruct>.prepared(for: kernel)
    // A kernel without struct_ops has no such map.
    let type = kernel.mapTypes.number(of: "struct_ops") ?? .max
    let query = ObjectQuery(ids: query.ids, types: [type])
    return try snapshot { walk throws(ReadFault) in
      try table.list(query, in: walk) { map throws(ReadFault) in
        StructOpsMap(
          id: UInt64(map.id), name: map.name, structOps: try map.structOpsType())
      }
    }
  }
}

extension KernelObject<BPFMapStruct> {
  /// The value of the map is a `struct bpf_struct_ops_TYPE`, which has the kernel's struct in it.
  func structOpsType() throws(ReadFault) -> String? {
    let (head, map) = try view.together(
      read(as: BPFMapValueType.self), container(\BPFStructOpsMap.map))
    let types = try map.btf?.types() ?? kernel.btf
    guard let name = try? types.name(of: BTF.TypeID(head.valueType)) else { return nil }
    let prefix = "bpf_struct_ops_"
    return name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : nil
  }
}
