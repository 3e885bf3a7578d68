import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct kernfs_root` of fs/kernfs/kernfs-internal.h (include/linux/kernfs.h before 5.16).
struct KernfsRoot: KernelStruct {
  static let kernelName = "kernfs_root"
  let supers = Place("supers")
}

/// `struct kernfs_super_info` of fs/kernfs/kernfs-internal.h.
private struct KernfsSuperInfo: KernelStruct {
  static let kernelName = "kernfs_super_info"
  let node = Place("node")
  let sb = Member<KernelVirtualAddress>("sb")
}

/// `struct super_block` of include/linux/fs.h, whose mounts are a list up to 6.17.
private struct SuperBlockMountList: KernelStruct {
  static let kernelName = "super_block"
  let mounts = Place("s_mounts")
}

/// The same since 6.18: each mount leads to the next one.
private struct SuperBlockMounts: KernelStruct {
  static let kernelName = "super_block"
  let mounts = OptionalLink<ChainedMount>("s_mounts")
}

/// `struct mount` of fs/mount.h.
private struct ListedMount: KernelStruct {
  static let kernelName = "mount"
  let instance = Place("mnt_instance")
  let namespace = Member<KernelVirtualAddress>("mnt_ns")
}

private struct ChainedMount: KernelStruct {
  static let kernelName = "mount"
  let next = OptionalLink<ChainedMount>("mnt_next_for_sb")
  let namespace = Member<KernelVirtualAddress>("mnt_ns")
}

private struct NamespacesOfInit: KernelStruct {
  static let kernelName = "task_struct"
  let nsproxy = Link<MountNamespaceProxy>("nsproxy")
}

private struct MountNamespaceProxy: KernelStruct {
  static let kernelName = "nsproxy"
  let mountNamespace = Member<KernelVirtualAddress>("mnt_ns")
}

extension Walk {
  /// More mounts of one file system than this are not looked at.
  private static let mostMounts = 256

  /// Where the hierarchy is mounted in the first mount namespace: `/sys/fs/cgroup`; nil where it is
  /// not.
  func mountPath(of root: KernelObject<CgroupRoot>) throws(ReadFault) -> String? {
    let (namespace, supers) = try view.together(
      read(NamespacesOfInit.self, symbol: "init_task").nsproxy.mountNamespace,
      list(
        at: root.kfRoot.address(of: \.supers)!, of: \KernfsSuperInfo.node, most: Self.mostMounts
      ) { $0.sb })
    for superBlock in supers {
      let mounts = try mounts(of: superBlock)
      guard let mount = mounts.first(where: { $0.namespace == namespace }) else { continue }
      return try path(ofMount: mount.address)
    }
    if view.hasMisses { throw .miss }
    return nil
  }

  private typealias FoundMount = (address: KernelVirtualAddress, namespace: KernelVirtualAddress)

  private func mounts(of superBlock: KernelVirtualAddress) throws(ReadFault) -> [FoundMount] {
    if let block = try ifKnown(read(SuperBlockMountList.self, at: superBlock)) {
      return try list(
        at: block.address(of: \.mounts)!, of: \ListedMount.instance, most: Self.mostMounts
      ) { ($0.address, $0.namespace) }
    }
    var (mounts, next) = ([FoundMount](), try read(SuperBlockMounts.self, at: superBlock).mounts)
    while let mount = next, mounts.count < Self.mostMounts {
      mounts.append((mount.address, mount.namespace))
      next = try mount.next
    }
    return mounts
  }
}
