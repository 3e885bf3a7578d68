import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_struct_ops_map` of kernel/bpf/bpf_struct_ops.c, of which what the kernel calls counts:
/// its own copy of what user space has written.
private struct BPFStructOpsKernelValue: KernelStruct {
  static let kernelName = "bpf_struct_ops_map"
  let map = Place("map")
  /// In the end of the structure, of no size.
  let data = Member<[UInt8]>("kvalue.data")
}

/// A map of struct_ops, and where the kernel's copy of its table of functions is.
public struct RegisteredStructOps: Sendable {
  public var id: UInt64
  public var name: String
  /// Of the kernel's struct, such as a `struct sched_ext_ops`.
  public var address: KernelVirtualAddress
}

extension Walk {
  /// The maps of struct_ops of some of the kernel's structs, by ascending id; none for a kernel without
  /// such maps.
  public func registeredStructOps(
    _ types: Set<String>
  ) throws(ReadFault) -> [RegisteredStructOps] {
    guard let table = try? IDTable<BPFMapStruct>.prepared(for: kernel),
      let number = kernel.mapTypes.number(of: "struct_ops")
    else { return [] }
    let found = try table.list(ObjectQuery(type: number), in: self) {
      map throws(ReadFault) -> RegisteredStructOps? in
      let (name, value) = try view.together(
        map.structOpsType(), map.container(\BPFStructOpsKernelValue.map))
      guard name.map(types.contains) == true, let address = value.address(of: \.data) else {
        return nil
      }
      return RegisteredStructOps(id: UInt64(map.id), name: map.name, address: address)
    }
    return found.objects.compactMap { $0 }
  }
}
