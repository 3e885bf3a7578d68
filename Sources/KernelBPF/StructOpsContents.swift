import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// The contents of a map of struct_ops, as user space sees them.
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

/// `struct bpf_map`: what `bpf_map_info` has besides.
private struct BPFMapInfo: KernelStruct {
  static let kernelName = "bpf_map"
  let keyType = Member<UInt32>("btf_key_type_id")
  let valueType = Member<UInt32>("btf_value_type_id")
  let vmlinuxValueType = Member<UInt32>("btf_vmlinux_value_type_id")
  let mapExtra = OptionalMember<UInt64>("map_extra")
}

extension KernelObject<BPFMapStruct> {
  func structOpsContents() throws(ReadFault) -> StructOpsContents {
    let (more, value, btf) = try view.together(
      read(as: BPFMapInfo.self), structOpsValue(), self.btf)
    var info: [String: UInt64] = [
      "type": UInt64(self.mapType), "id": UInt64(self.id), "key_size": UInt64(self.keySize),
      "value_size": UInt64(self.valueSize), "max_entries": UInt64(self.maxEntries),
      "map_flags": UInt64(self.mapFlags), "map_extra": more.mapExtra ?? 0,
      "btf_vmlinux_value_type_id": UInt64(more.vmlinuxValueType),
      "btf_vmlinux_id": UInt64(value.owner ?? 0),
    ]
    if let btf {
      info["btf_id"] = UInt64(btf.id)
      info["btf_key_type_id"] = UInt64(more.keyType)
      info["btf_value_type_id"] = UInt64(more.valueType)
    }
    return StructOpsContents(
      id: UInt64(self.id), name: self.name, info: info, btf: value.btf, type: value.type,
      bytes: value.bytes, state: value.state,
      stateName: kernel.structOpsStates[value.state]?.uppercased())
  }
}

extension GuestKernel {
  /// Words for `enum bpf_struct_ops_state`: `inuse`.
  var structOpsStates: EnumNames {
    words(of: "bpf_struct_ops_state", prefix: "BPF_STRUCT_OPS_STATE_")
  }
}

extension BTF {
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
