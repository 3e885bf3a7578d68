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

  /// The structures that it is known for.
  public static let structNames: Set = ["task_struct", "cgroup", "bpf_prog", "bpf_map"]
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
    default: return nil
    }
  }
}
