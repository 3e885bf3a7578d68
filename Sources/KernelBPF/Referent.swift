import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// What a pointer to a structure of the kernel leads to, by the names that users have for it.
public enum Referent: Hashable, Sendable {
  case task(pid: UInt32, comm: String)
  /// Its path from the root of the hierarchy: `/`, `/system.slice`.
  case cgroup(path: String)
  case program(id: UInt32, name: String)
  case map(id: UInt32, name: String)
  case device(MapDevice)
  /// The file system by the name of its device, or of its type.
  case inode(number: UInt64, fileSystem: String)
  /// The CPUs that are in it, ascending.
  case cpus([Int])

  /// The structures that it is known for.
  public static let structNames: Set = [
    "task_struct", "cgroup", "bpf_prog", "bpf_map", "net_device", "inode", "cpumask", "bpf_cpumask",
  ]
}

/// `struct cpumask` of include/linux/cpumask_types.h (cpumask.h before 6.9): a bit a CPU.
private struct CPUMask: KernelStruct {
  static let kernelName = "cpumask"
  let bits = Member<[UInt64]>("bits")
}

/// `struct bpf_cpumask` of kernel/bpf/cpumask.c: 6.3 has it.
private struct BPFCPUMask: KernelStruct {
  static let kernelName = "bpf_cpumask"
  let cpumask = Place("cpumask")
}

extension Walk {
  /// - Parameter structName: the kernel's name of what is at the address.
  /// - Returns: nil for a structure that has no such name.
  public func referent(
    at address: KernelVirtualAddress, structName: String
  ) throws(ReadFault) -> Referent? {
    switch structName {
    case "task_struct":
      let task = try read(TaskName.self, at: address)
      return .task(pid: task.pid, comm: task.comm)
    case "bpf_prog":
      let aux = try read(BPFProgStruct.self, at: address).aux
      return .program(id: aux.id, name: try aux.fullName())
    case "bpf_map":
      let map = try read(BPFMapStruct.self, at: address)
      return .map(id: map.id, name: map.name)
    case "cgroup":
      return .cgroup(path: try cgroupPath(at: address))
    case "net_device":
      return MapDevice(try read(NetDevice.self, at: address)).map { .device($0) }
    case "inode":
      let inode = try read(OwningInode.self, at: address)
      return .inode(number: inode.number, fileSystem: try inode.fileSystem?.name ?? "")
    case "cpumask": return .cpus(try cpus(ofMask: address))
    case "bpf_cpumask":
      return .cpus(try cpus(ofMask: address + (try offset(of: \BPFCPUMask.cpumask) ?? 0)))
    default: return nil
    }
  }

  /// No more of a mask is read than there are CPUs: the memory of one may end there.
  private func cpus(ofMask address: KernelVirtualAddress) throws(ReadFault) -> [Int] {
    let start = address + (try offset(of: \CPUMask.bits) ?? 0)
    let bytes = try view.bytes(at: start, count: (kernel.cpuIDs + 63) / 64 * 8)
    return (0..<kernel.cpuIDs).filter { bytes[$0 / 8] >> ($0 % 8) & 1 == 1 }
  }
}
