import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_local_storage_map` of include/linux/bpf_local_storage.h.
private struct LocalStorageMapContents: KernelStruct {
  static let kernelName = "bpf_local_storage_map"
  let map = Place("map")
  let buckets = Member<KernelVirtualAddress>("buckets")
  let bucketLog = Member<UInt32>("bucket_log")
}

private struct LocalStorageBucket: KernelStruct {
  static let kernelName = "bpf_local_storage_map_bucket"
  let first = Member<KernelVirtualAddress>("list.first")
}

private struct LocalStorageElement: KernelStruct {
  static let kernelName = "bpf_local_storage_elem"
  let mapNode = Place("map_node")
  let storage = OptionalLink<LocalStorage>("local_storage")
  /// 7.3 has it: not 0 for an element that is on its way out.
  let state = OptionalMember<UInt32>("state.counter", "state")
  let data = Member<[UInt8]>("sdata.data")
}

private struct LocalStorage: KernelStruct {
  static let kernelName = "bpf_local_storage"
  let owner = Member<KernelVirtualAddress>("owner")
}

struct OwningInode: KernelStruct {
  static let kernelName = "inode"
  let number = Member<UInt64>("i_ino")
  let fileSystem = OptionalLink<OwningFileSystem>("i_sb")
}

struct OwningFileSystem: KernelStruct {
  static let kernelName = "super_block"
  /// The name of its device, or of its type.
  let name = Member<String>("s_id", size: 32)
}

private struct OwningSocket: KernelStruct {
  static let kernelName = "sock"
  let family = Member<UInt16>("__sk_common.skc_family")
  let cookie = Member<UInt64>("__sk_common.skc_cookie.counter")
}

/// What a task, a socket, an inode or a cgroup has of a map. The system call does not list these: it
/// wants the owner's descriptor.
extension MapReader {
  func localStorage() throws(ReadFault) -> [MapEntry] {
    let storage = try map.container(\LocalStorageMapContents.map)
    guard storage.bucketLog < 20 else {
      throw .corrupt("a storage of 2^\(storage.bucketLog) buckets", at: storage.address)
    }
    let hidden = try hiddenFields()
    let first = try walk.offset(of: \LocalStorageBucket.first) ?? 0
    let buckets = HashBuckets(
      at: storage.buckets + first, count: 1 << Int(storage.bucketLog),
      stride: try walk.size(of: LocalStorageBucket.self))
    return try walk.hlists(in: buckets, of: \LocalStorageElement.mapNode) {
      element throws(ReadFault) in
      guard element.state ?? 0 == 0 else { return nil }
      let (owner, value) = try view.together(
        owner(of: element),
        view.bytes(at: element.address(of: \.data)!, count: valueSize))
      return owner.map { MapEntry(key: nil, .owned(by: $0, hidden.hiding(value))) }
    }
  }

  /// Nil for an element that is on its way out.
  private func owner(
    of element: KernelObject<LocalStorageElement>
  ) throws(ReadFault) -> MapEntry.Owner? {
    guard let owner = try element.storage?.owner, owner.rawValue != 0 else { return nil }
    switch type {
    case "task_storage":
      let task = try walk.read(TaskName.self, at: owner)
      return .task(pid: task.pid, comm: task.comm)
    case "inode_storage":
      let inode = try walk.read(OwningInode.self, at: owner)
      let (fileSystem, path) = try view.together(
        inode.fileSystem?.name ?? "", walk.path(ofInode: owner))
      return .inode(number: inode.number, fileSystem: fileSystem, path: path)
    case "sk_storage":
      let socket = try walk.read(OwningSocket.self, at: owner)
      return .socket(family: socket.family, cookie: socket.cookie)
    default:
      let (id, path) = try view.together(
        walk.read(Cgroup.self, at: owner).kn.id, walk.cgroupPath(at: owner))
      return .cgroup(id: id, path: path)
    }
  }
}
