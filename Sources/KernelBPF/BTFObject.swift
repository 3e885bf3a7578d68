import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// Types of the kernel, a module or a program, with an id of their own.
public struct BTFObject: Sendable {
  public var id: UInt64
  /// `vmlinux`, or the module's; empty for what a program or map brought. Nil where the kernel does
  /// not keep it.
  public var name: String?
  /// Bytes.
  public var size: UInt32
  /// Types of the kernel or of a module.
  public var isKernels: Bool
  /// Of programs and maps that brought it, ascending.
  public var programIDs: [UInt32] = []
  public var mapIDs: [UInt32] = []
}

extension BPFObjects {
  /// The BTF objects by ascending id, and who brought them.
  public func btfs(
    _ query: ObjectQuery = ObjectQuery()
  ) throws(KernelError) -> Snapshot<ObjectList<BTFObject>> {
    let table = try IDTable<BTFStruct>.prepared(for: kernel)
    let programs = try IDTable<BPFProgStruct>.prepared(for: kernel)
    let maps = try IDTable<BPFMapStruct>.prepared(for: kernel)
    return try snapshot { walk throws(ReadFault) in
      var (list, programs, maps) = try walk.view.together(
        table.list(query, in: walk, BTFObject.init),
        programs.list(in: walk, owner), maps.list(in: walk, owner))
      for index in list.objects.indices {
        let id = list.objects[index].id
        list.objects[index].programIDs = programs.objects.filter { $0.btf == id }.map(\.id)
        list.objects[index].mapIDs = maps.objects.filter { $0.btf == id }.map(\.id)
      }
      return list
    }
  }
}

extension BTFObject {
  init(_ btf: KernelObject<BTFStruct>) {
    self.init(
      id: UInt64(btf.id), name: btf.name, size: btf.dataSize, isKernels: btf.kernelBTF ?? false)
  }
}

/// A program or map, and the id of its BTF; 0 for none.
private typealias Owner = (id: UInt32, btf: UInt64)

private func owner(_ prog: KernelObject<BPFProgStruct>) throws(ReadFault) -> Owner {
  let aux = try prog.aux
  let info = try aux.read(as: BPFProgAuxBTF.self)
  return (aux.id, UInt64(try info.btf?.id ?? 0))
}

private func owner(_ map: KernelObject<BPFMapStruct>) throws(ReadFault) -> Owner {
  (map.id, UInt64(try map.btf?.id ?? 0))
}

private struct BPFProgAuxBTF: KernelStruct {
  static let kernelName = "bpf_prog_aux"
  let btf = OptionalLink<BTFHead>("btf")
}
