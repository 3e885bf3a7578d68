import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// The contents of a map of struct_ops, as user space sees them: `bpf_struct_ops_map_sys_lookup_elem()`
/// of kernel/bpf/bpf_struct_ops.c.
public struct StructOpsContents: Sendable {
  public var id: UInt64
  public var name: String
  /// `struct bpf_map_info` of include/uapi/linux/bpf.h, by its members' names; the rest is 0.
  public var info: [String: UInt64]
  /// The types that the value is of: the kernel's, or a module's.
  public var btf: BTF
  /// `struct bpf_struct_ops_TYPE`.
  public var type: BTF.TypeID
  /// The value: in the place of each function is the id of its program.
  public var bytes: [UInt8]
  /// A number of `enum bpf_struct_ops_state`.
  public var state: UInt32
  /// INIT, INUSE, TOBEFREE or READY; nil for one that this kernel has no name for.
  public var stateName: String?
  /// The ids of the links that attach it.
  public var links: [UInt32] = []
  /// Programs whose ids are in the value.
  public var programs: [UInt32: Program] = [:]

  public struct Program: Hashable, Sendable {
    /// As in lists.
    public var name: String
    /// The name of its first function, which may be longer; nil for a program without one.
    public var function: String?
  }
}

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

/// `struct bpf_map`: what `bpf_map_info` has besides.
private struct BPFMapInfo: KernelStruct {
  static let kernelName = "bpf_map"
  let keyType = Member<UInt32>("btf_key_type_id")
  let valueType = Member<UInt32>("btf_value_type_id")
  let vmlinuxValueType = Member<UInt32>("btf_vmlinux_value_type_id")
  let mapExtra = OptionalMember<UInt64>("map_extra")
  let refcnt = Member<UInt64>("refcnt.counter")
  let usercnt = Member<UInt64>("usercnt.counter")
}

extension KernelObject<BPFMapStruct> {
  /// More than any table of functions, in bytes.
  private static var mostBytes: UInt32 { 1 << 20 }

  func structOpsContents() throws(ReadFault) -> StructOpsContents {
    let (more, map, btf) = try view.together(
      read(as: BPFMapInfo.self), container(\BPFStructOpsValue.map), self.btf)
    guard self.valueSize <= Self.mostBytes else {
      throw .corrupt("a value of \(self.valueSize) bytes", at: address)
    }
    let (owner, user) = try view.together(
      map.btf, view.bytes(at: map.uvalue, count: Int(self.valueSize)))
    let types = try owner?.types() ?? kernel.btf
    let type = BTF.TypeID(more.vmlinuxValueType)
    var bytes = user
    if kernel.structOpsStates[map.state] == "init" {
      bytes = Array(repeating: 0, count: bytes.count)
    } else {
      types.store(map.state, of: ["common.state", "state"], in: type, &bytes)
      let references = kernel.countsStructOpsReferences ? more.references : map.refcnt
      let members = ["common.refcnt.refs.counter", "refcnt.refs.counter"]
      types.store(references, of: members, in: type, &bytes)
    }
    var info: [String: UInt64] = [
      "type": UInt64(self.mapType), "id": UInt64(self.id), "key_size": UInt64(self.keySize),
      "value_size": UInt64(self.valueSize), "max_entries": UInt64(self.maxEntries),
      "map_flags": UInt64(self.mapFlags), "map_extra": more.mapExtra ?? 0,
      "btf_vmlinux_value_type_id": UInt64(more.vmlinuxValueType),
      "btf_vmlinux_id": UInt64(owner?.id ?? 0),
    ]
    if let btf {
      info["btf_id"] = UInt64(btf.id)
      info["btf_key_type_id"] = UInt64(more.keyType)
      info["btf_value_type_id"] = UInt64(more.valueType)
    }
    return StructOpsContents(
      id: UInt64(self.id), name: self.name, info: info, btf: types, type: type, bytes: bytes,
      state: map.state, stateName: kernel.structOpsStates[map.state]?.uppercased())
  }
}

extension KernelObject<BPFMapInfo> {
  /// What the lookup says of users that are no file descriptors.
  fileprivate var references: UInt32 {
    UInt32(clamping: Int64(bitPattern: self.refcnt &- self.usercnt))
  }
}

extension GuestKernel {
  /// Words for `enum bpf_struct_ops_state`: `inuse`.
  fileprivate var structOpsStates: EnumNames {
    words(of: "bpf_struct_ops_state", prefix: "BPF_STRUCT_OPS_STATE_")
  }

  /// Since 6.4 (commit b671c2067a04) the value's own count is not used; links of struct_ops came
  /// with it.
  fileprivate var countsStructOpsReferences: Bool {
    (try? layouts.size(of: "bpf_struct_ops_link")) != nil
  }
}

extension BTF {
  /// Writes the first of these members that the type has.
  fileprivate func store(
    _ number: UInt32, of members: [String], in type: TypeID, _ bytes: inout [UInt8]
  ) {
    for member in members {
      guard let field = try? field(member, in: type), field.size == 4,
        field.offset + 4 <= bytes.count
      else { continue }
      for index in 0..<4 { bytes[field.offset + index] = UInt8(number >> (8 * index) & 0xff) }
      return
    }
  }

  /// The ids of programs in a value of struct_ops, by where they are in it.
  ///
  /// - Parameter type: `struct bpf_struct_ops_TYPE`.
  func programIDs(in bytes: [UInt8], of type: TypeID) -> [UInt32] {
    guard let data = try? field("data", in: type), let members = try? members(of: data.type)
    else { return [] }
    return members.compactMap { member in
      guard isFunction(member.type), member.bitOffset.isMultiple(of: 8),
        let id = bytes.u64(at: data.offset + member.bitOffset / 8), id != 0
      else { return nil }
      return UInt32(exactly: id)
    }
  }

  /// True for a pointer to functions.
  private func isFunction(_ type: TypeID) -> Bool {
    guard let target = try? pointee(of: type) else { return false }
    return (try? kind(of: try resolve(target))) == .funcProto
  }
}
