import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_struct_ops_map` of kernel/bpf/bpf_struct_ops.c.
private struct BPFStructOpsValue: KernelStruct {
  static let kernelName = "bpf_struct_ops_map"
  let map = Place("map")
  /// Since 6.9 (commit 1338b93346587).
  let btf = OptionalLink<BTFHead>("btf")
  /// What user space has written: `map.value_size` bytes.
  let uvalue = Member<KernelVirtualAddress>("uvalue")
  /// `common` since 6.9 (commit 612d087d4ba5).
  let state = Member<UInt32>("kvalue.common.state", "kvalue.state")
  let refcnt = Member<UInt32>("kvalue.common.refcnt.refs.counter", "kvalue.refcnt.refs.counter")
}

/// `struct bpf_map`, of which the type of a value that the kernel declares and the references count.
private struct BPFMapReferences: KernelStruct {
  static let kernelName = "bpf_map"
  let vmlinuxValueType = Member<UInt32>("btf_vmlinux_value_type_id")
  let refcnt = Member<UInt64>("refcnt.counter")
  let usercnt = Member<UInt64>("usercnt.counter")

  /// What the lookup says of users that do not hold a file descriptor.
  static func count(_ map: KernelObject<Self>) -> UInt32 {
    UInt32(clamping: Int64(bitPattern: map.refcnt &- map.usercnt))
  }
}

/// The only value of a map of struct_ops.
struct StructOpsValue {
  /// As the system call answers it: in the place of each function is the id of its program.
  var bytes: [UInt8]
  /// A number of `enum bpf_struct_ops_state`.
  var state: UInt32
  /// The types that the value is of, the kernel's or a module's; the id of a module's.
  var btf: BTF
  var owner: UInt32?
  /// `struct bpf_struct_ops_TYPE`.
  var type: BTF.TypeID
}

extension KernelObject<BPFMapStruct> {
  /// More than any table of functions, in bytes.
  private static var mostBytes: UInt32 { 1 << 20 }

  /// `bpf_struct_ops_map_sys_lookup_elem()` of kernel/bpf/bpf_struct_ops.c: zeros in the state
  /// BPF_STRUCT_OPS_STATE_INIT; else what was written, with the state and a count of references.
  func structOpsValue() throws(ReadFault) -> StructOpsValue {
    guard self.valueSize <= Self.mostBytes else {
      throw .corrupt("a value of \(self.valueSize) bytes", at: address)
    }
    let (references, map) = try view.together(
      read(as: BPFMapReferences.self), container(\BPFStructOpsValue.map))
    let (owner, written) = try view.together(
      map.btf, view.bytes(at: map.uvalue, count: Int(self.valueSize)))
    var value = StructOpsValue(
      bytes: written, state: map.state, btf: try owner?.types() ?? kernel.btf, owner: owner?.id,
      type: BTF.TypeID(references.vmlinuxValueType))
    guard kernel.structOpsStates[map.state] != "init" else {
      value.bytes = Array(repeating: 0, count: written.count)
      return value
    }
    value.store(map.state, in: "state")
    value.store(
      kernel.countsStructOpsReferences ? BPFMapReferences.count(references) : map.refcnt,
      in: "refcnt.refs.counter")
    return value
  }
}

extension StructOpsValue {
  /// Writes a member, which is one of `common` since 6.9.
  fileprivate mutating func store(_ number: UInt32, in member: String) {
    for path in ["common." + member, member] {
      guard let field = try? btf.field(path, in: type), field.size == 4,
        field.offset + 4 <= bytes.count
      else { continue }
      bytes.replaceSubrange(field.offset..<field.offset + 4, with: number.littleEndianBytes)
      return
    }
  }
}

extension GuestKernel {
  /// Since 6.4 (commit b671c2067a04) the value's own count is not used; links of struct_ops came
  /// with it.
  fileprivate var countsStructOpsReferences: Bool {
    (try? layouts.size(of: "bpf_struct_ops_link")) != nil
  }
}
