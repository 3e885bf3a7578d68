import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct btf` of kernel/bpf/btf.c, of which only the id counts.
struct BTFHead: KernelStruct {
  static let kernelName = "btf"
  let id = Member<UInt32>("id")
}

/// `struct btf` of kernel/bpf/btf.c.
public struct BTFStruct: NumberedStruct {
  public static let kernelName = "btf"
  public static let table = ObjectTable.Kind.btf
  let id = Member<UInt32>("id")
  let data = Member<KernelVirtualAddress>("data")
  let dataSize = Member<UInt32>("data_size")
  /// Since 5.11 (commits 951bb64621b8 and 5329722057d4): types of the kernel or of a module. Before, only
  /// programs have BTF with an id.
  let kernelBTF = OptionalMember<Bool>("kernel_btf")
  let name = OptionalMember<String>("name")
  let baseBTF = OptionalMember<KernelVirtualAddress>("base_btf")

  public init() {}

  public static func id(of btf: KernelObject<Self>) -> UInt32 { btf.id }
}

extension KernelObject<BTFStruct> {
  /// The kernel's own types, not those of a module or program.
  var isVMLinux: Bool { self.kernelBTF == true && (self.baseBTF?.rawValue ?? 0) == 0 }
}

extension KernelObject<BTFHead> {
  /// The types. They never change: a constant of the object.
  func types() throws(ReadFault) -> BTF {
    let key = ObjectKey("types", id: UInt64(self.id), at: address)
    return try view.constant(key) { () throws(ReadFault) in
      let btf = try read(as: BTFStruct.self)
      return btf.isVMLinux ? kernel.btf : try btf.decoded()
    }
  }
}

extension BPFObjects {
  /// The types of a BTF object; nil where the guest has none with this id.
  public func types(ofBTF id: UInt64) throws(KernelError) -> Snapshot<BTF?> {
    let table = try IDTable<BTFStruct>.prepared(for: kernel)
    return try snapshot { walk throws(ReadFault) in
      try table.list(ObjectQuery(ids: [id]), in: walk) { btf throws(ReadFault) in
        try walk.read(BTFHead.self, at: btf.address).types()
      }.objects.first
    }
  }
}

extension KernelObject<BTFStruct> {
  /// BTF_MAX_SIZE of kernel/bpf/btf.c, for what user space brings; a module's is smaller, too.
  private static var mostBytes: UInt32 { 16 << 20 }

  func decoded() throws(ReadFault) -> BTF {
    guard self.dataSize <= Self.mostBytes else {
      throw .corrupt("a BTF object of \(self.dataSize) bytes", at: address)
    }
    let blob = try view.bytes(at: self.data, count: Int(self.dataSize))
    do throws(BTFError) {
      // Only the kernel's types are a base, and what a module has was made to fit them when it was
      // loaded.
      return try BTF(blob, base: (self.baseBTF?.rawValue ?? 0) == 0 ? nil : kernel.btf)
    } catch {
      throw .corrupt("\(error)", at: self.data)
    }
  }
}
