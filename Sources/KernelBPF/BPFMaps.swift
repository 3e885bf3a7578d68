import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// A BPF map as the kernel keeps it. Nil: this kernel does not keep it.
public struct BPFMap: Sendable {
  public var id: UInt64
  /// A number of `enum bpf_map_type`.
  public var type: UInt32
  /// At most 15 characters; invalid UTF-8 is replaced.
  public var name: String
  /// `BPF_F_…` of include/uapi/linux/bpf.h.
  public var flags: UInt32
  /// Bytes.
  public var keySize: UInt32
  public var valueSize: UInt32
  public var maxEntries: UInt32
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
    public var isJited: Bool
  }
}

/// The BPF maps of a guest, as `bpf_map_get_info_by_fd()` of kernel/bpf/syscall.c reports them.
public final class BPFMaps {
  private let kernel: GuestKernel
  private let engine: SnapshotEngine
  private let table: IDTable<BPFMapStruct>
  private let arrays: StructLayout<BPFArrayStruct>?
  private let memory: MapMemory
  public let types: EnumNames
  public let programTypes: EnumNames

  /// - Throws: `KernelError.symbolNotFound` for a kernel without `map_idr`.
  public init(_ kernel: GuestKernel, _ engine: SnapshotEngine) throws(KernelError) {
    (self.kernel, self.engine) = (kernel, engine)
    table = try IDTable(kernel)
    types = EnumNames(kernel.btf, enum: "bpf_map_type", prefix: "BPF_MAP_TYPE_")
    programTypes = EnumNames(kernel.btf, enum: "bpf_prog_type", prefix: "BPF_PROG_TYPE_")
    do throws(BTFError) {
      memory = try MapMemory(
        kernel.btf, map: table.layout, pageSize: kernel.context.format.pageSize)
      // Only kernels that have the owner nowhere else need it.
      arrays = table.layout.has(\.owner) ? nil : try StructLayout(kernel.btf)
    } catch {
      throw .btf(error)
    }
  }

  /// The maps by ascending id, from one instant.
  ///
  /// - Parameters:
  ///   - id: the only one that is wanted; nil for all.
  ///   - type: a number of `enum bpf_map_type`; nil for all.
  public func list(
    id: UInt64? = nil, type: UInt32? = nil
  ) throws(KernelError) -> Snapshot<[BPFMap]> {
    let (table, reader) = (table, Reader(arrays: arrays, memory: memory, types: types))
    do {
      return try kernel.snapshot(engine) { view, cpus throws(ReadFault) in
        try table.compactMap(id: id, in: view) { map throws(ReadFault) in
          guard type == nil || type == map.mapType else { return nil }
          return try reader.read(map, cpus: cpus.count, in: view)
        }
      }
    } catch {
      throw .snapshot(error)
    }
  }
}

/// Makes a `BPFMap` of a `struct bpf_map` and of what it leads to.
private struct Reader {
  var arrays: StructLayout<BPFArrayStruct>?
  var memory: MapMemory
  var types: EnumNames

  func read(
    _ map: KernelObject<BPFMapStruct>, cpus: Int, in view: MemoryView
  ) throws(ReadFault) -> BPFMap {
    let type = types[map.mapType] ?? ""
    var found = BPFMap(
      id: UInt64(map.id), type: map.mapType, name: map.name, flags: map.mapFlags,
      keySize: map.keySize, valueSize: map.valueSize, maxEntries: map.maxEntries,
      isFrozen: map.frozen)
    // None of these needs another: they take one wave together.
    try view.gather { () throws(ReadFault) in
      found.btfID = try view.branch { () throws(ReadFault) in try btfID(map, view) } ?? nil
      found.memlock =
        try view.branch { () throws(ReadFault) in
          try memory.bytes(of: map, type: type, cpus: cpus, in: view)
        } ?? nil
      guard type == "prog_array" else { return }
      found.owner = try view.branch { () throws(ReadFault) in try owner(map, view) } ?? nil
    }
    return found
  }

  private func btfID(
    _ map: KernelObject<BPFMapStruct>, _ view: MemoryView
  ) throws(ReadFault) -> UInt32? {
    guard map.has(\.btf) else { return nil }
    return try map.btf?.read(in: view).id ?? 0
  }

  private func owner(
    _ map: KernelObject<BPFMapStruct>, _ view: MemoryView
  ) throws(ReadFault) -> BPFMap.Owner? {
    var reference = map.owner
    if let arrays {
      let array = try arrays.read(at: arrays.container(of: map.address, as: \.map), in: view)
      reference = try array.aux?.read(in: view).owner
    }
    guard let owner = try reference?.read(in: view), owner.type != 0 else { return nil }
    return BPFMap.Owner(type: owner.type, isJited: owner.jited)
  }
}
