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

extension Walk {
  /// More file systems of one hierarchy than this are not looked at.
  private static let mostFileSystems = 256

  /// Where the hierarchy is mounted in the first mount namespace: `/sys/fs/cgroup`; nil where it is
  /// not.
  func mountPath(of root: KernelObject<CgroupRoot>) throws(ReadFault) -> String? {
    let fileSystems = try list(
      at: root.kfRoot.address(of: \.supers)!, of: \KernfsSuperInfo.node, most: Self.mostFileSystems
    ) { $0.sb }
    for superBlock in fileSystems {
      guard let mount = try mounts(ofFileSystem: superBlock).first else { continue }
      return try path(ofMount: mount)
    }
    if view.hasMisses { throw .miss }
    return nil
  }
}
