import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_struct_ops_map` of kernel/bpf/bpf_struct_ops.c.
private struct BPFStructOpsContents: KernelStruct {
  static let kernelName = "bpf_struct_ops_map"
  let map = Place("map")
  /// What user space wrote, in which programs are their ids.
  let uvalue = Member<KernelVirtualAddress>("uvalue")
  /// A number of `enum bpf_struct_ops_state`. In a structure of its own since 6.9 (commit
  /// 612d087d4ba5).
  let state = Member<UInt32>("kvalue.common.state", "kvalue.state")
  let refcnt = Member<UInt32>("kvalue.common.refcnt.refs.counter", "kvalue.refcnt.refs.counter")
}

/// `struct bpf_map`, of which the references count.
private struct BPFMapReferences: KernelStruct {
  static let kernelName = "bpf_map"
  let refcnt = Member<Int64>("refcnt.counter")
  let usercnt = Member<Int64>("usercnt.counter")
}

extension MapReader {
  /// The only entry, as `bpf_struct_ops_map_sys_lookup_elem()` answers it: zeros in the state
  /// BPF_STRUCT_OPS_STATE_INIT; else what was written, and before it a count of references and the
  /// state.
  func structOps() throws(ReadFault) -> [MapEntry] {
    let object = try map.container(\BPFStructOpsContents.map)
    guard object.state != 0 else {
      return [MapEntry(index: 0, .bytes([UInt8](repeating: 0, count: valueSize)))]
    }
    guard valueSize >= 8 else {
      throw .corrupt("a struct_ops with a value of \(valueSize) bytes", at: map.address)
    }
    try admit(1, of: valueSize)
    let (value, references) = try view.together(
      view.bytes(at: object.uvalue, count: valueSize), map.read(as: BPFMapReferences.self))
    // Up to 6.3 the value has a count of its own; since 6.4 (commit b671c2067a04) it is that of the
    // map, without user space.
    let ofMap = max(0, references.refcnt &- references.usercnt)
    let count = object.refcnt != 0 ? object.refcnt : UInt32(truncatingIfNeeded: ofMap)
    return [
      MapEntry(
        index: 0,
        .bytes(count.littleEndianBytes + object.state.littleEndianBytes + value[8...]))
    ]
  }
}
