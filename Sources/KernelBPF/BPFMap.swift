import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// What a BPF map is; nothing that it leads to is read for it.
public struct MapHead: Sendable {
  public var id: UInt64
  /// A number of `enum bpf_map_type`.
  public var type: UInt32
  /// The word of bpftool: `lru_hash`; nil for a type that this kernel has no name for.
  public var typeName: String?
  /// At most 15 characters; invalid UTF-8 is replaced.
  public var name: String
  /// `BPF_F_…` of include/uapi/linux/bpf.h.
  public var flags: UInt32
  /// Bytes.
  public var keySize: UInt32
  public var valueSize: UInt32
  public var maxEntries: UInt32

  init(_ map: KernelObject<BPFMapStruct>) {
    (id, type, name, flags) = (UInt64(map.id), map.mapType, map.name, map.mapFlags)
    (keySize, valueSize, maxEntries) = (map.keySize, map.valueSize, map.maxEntries)
    typeName = map.kernel.mapTypes[map.mapType]
  }
}

/// A BPF map as the kernel keeps it. Nil: this kernel does not keep it.
@dynamicMemberLookup
public struct BPFMap: Sendable {
  public var head: MapHead
  /// True when user space cannot write to it any more.
  public var isFrozen: Bool?
  /// 0 for a map without BTF.
  public var btfID: UInt32?
  /// Bytes; nil also where the kernel's rule for this type of map is not known.
  public var memlock: UInt64?
  /// Of a prog_array that has got its first program.
  public var owner: Owner?

  /// Which programs a prog_array takes.
  public struct Owner: Hashable, Sendable {
    /// A number of `enum bpf_prog_type`.
    public var type: UInt32
    public var typeName: String?
    public var isJited: Bool
  }

  public subscript<T>(dynamicMember member: KeyPath<MapHead, T>) -> T { head[keyPath: member] }
}

extension BPFMap {
  /// Reads a map as `bpf_map_get_info_by_fd()` and `bpf_map_show_fdinfo()` of kernel/bpf/syscall.c
  /// do.
  init(_ map: KernelObject<BPFMapStruct>) throws(ReadFault) {
    let head = MapHead(map)
    let type = head.typeName
    let (btf, memlock, owner) = try map.view.together(
      map.btf?.id ?? 0, MapMemory(map: map, type: type ?? "").bytes(),
      type == "prog_array" ? map.programOwner() : nil)
    self.init(
      head: head, isFrozen: map.frozen, btfID: map.has(\.btf) ? btf : nil, memlock: memlock,
      owner: owner.map {
        Owner(type: $0.type, typeName: map.kernel.programTypes[$0.type], isJited: $0.jited)
      })
  }
}

extension KernelObject<BPFMapStruct> {
  /// Nil as long as the map has no owner.
  fileprivate func programOwner() throws(ReadFault) -> KernelObject<BPFMapOwner>? {
    // Older kernels have it in the array.
    let owner = has(\.owner) ? try self.owner : try container(\BPFArrayStruct.map).aux?.owner
    return owner.flatMap { $0.type == 0 ? nil : $0 }
  }
}

extension GuestKernel {
  /// Words of bpftool for the types of maps, by number.
  public var mapTypes: EnumNames { words(of: "bpf_map_type", prefix: "BPF_MAP_TYPE_") }
  public var programTypes: EnumNames { words(of: "bpf_prog_type", prefix: "BPF_PROG_TYPE_") }
}
