import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// A program that something runs, as `bpftool cgroup` and `bpftool net` name it.
public struct AttachedProgram: Hashable, Sendable {
  public var id: UInt32
  /// As bpftool shows it; empty for a program without a name.
  public var name: String
  /// The type that the program is for, and the BTF object with it; 0 for a program that is for none.
  /// Kernels before 5.11 do not say which object.
  public var attachBTFID: UInt32
  public var attachBTFObjectID: UInt32
  /// The name of that type: `bpf_lsm_socket_bind`.
  public var attachBTFName: String?
}

extension AttachedProgram {
  /// Reads what `bpf_prog_get_info_by_fd()` of kernel/bpf/syscall.c gives of a program.
  init(_ prog: KernelObject<BPFProgTarget>) throws(ReadFault) {
    let aux = try prog.aux
    let (name, made) = try prog.view.together(aux.fullName(), aux.read(as: BPFProgAuxMade.self))
    let type = made.attachBTFID ?? 0
    let btf = try type == 0 ? nil : made.attachBTF
    self.init(
      id: aux.id, name: name, attachBTFID: type, attachBTFObjectID: btf?.id ?? 0,
      attachBTFName: type == 0
        ? nil : try? (try btf?.types() ?? prog.kernel.btf).name(of: BTF.TypeID(type)))
  }
}

/// `struct bpf_prog_array` of include/linux/bpf.h: the programs of one place, in the order in which
/// they run.
struct BPFProgArray: KernelStruct {
  static let kernelName = "bpf_prog_array"
  let items = Place("items[0]")
}

private struct BPFProgArrayItem: KernelStruct {
  static let kernelName = "bpf_prog_array_item"
  let prog = Member<KernelVirtualAddress>("prog")
}

extension Walk {
  /// More programs than this are garbage: BPF_CGROUP_MAX_PROGS of kernel/bpf/cgroup.c is 64 for each
  /// of the levels of a hierarchy, and bpftool takes no more than 1024.
  private static let mostPrograms = 1 << 12

  /// The addresses of an array's programs (`bpf_prog_array_copy_core()` of kernel/bpf/core.c), up to
  /// the NULL that ends it, without those that were taken out of it.
  func programs(ofArray array: KernelVirtualAddress) throws(ReadFault) -> [KernelVirtualAddress] {
    let items = array + (try offset(of: \BPFProgArray.items) ?? 0)
    let (size, place) = (
      try size(of: BPFProgArrayItem.self), try offset(of: \BPFProgArrayItem.prog) ?? 0
    )
    let dummy = try ifKnown(symbol("dummy_bpf_prog"))
    var programs: [KernelVirtualAddress] = []
    for index in 0..<Self.mostPrograms {
      let prog = try view.pointer(at: items + size * index + place)
      guard prog.rawValue != 0 else { return programs.filter { $0 != dummy } }
      programs.append(prog)
      // A wave brings the next ones as well.
      if index % 8 == 0 { try view.prefetch(at: items + size * index, count: 9 * size) }
    }
    throw .corrupt("an array of programs that does not end", at: array)
  }

  /// Programs that several places may have, each read once, by their addresses. One that cannot be
  /// read is counted and named, and is not among them.
  func attached(
    _ addresses: some Sequence<KernelVirtualAddress>
  ) throws(ReadFault) -> [KernelVirtualAddress: AttachedProgram] {
    var programs: [KernelVirtualAddress: AttachedProgram] = [:]
    for (index, address) in Set(addresses).sorted(by: { $0.rawValue < $1.rawValue }).enumerated() {
      let key = ObjectKey("attached program", id: UInt64(index), at: address)
      programs[address] = try view.object(key) { () throws(ReadFault) in
        try AttachedProgram(try read(BPFProgTarget.self, at: address))
      }
    }
    return programs
  }
}
