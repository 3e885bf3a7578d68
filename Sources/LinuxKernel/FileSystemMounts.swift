import GuestScopeGuestMemory

/// `struct super_block` of include/linux/fs.h, whose mounts are a `list_head` before 6.18.
private struct SuperBlockMountList: KernelStruct {
  static let kernelName = "super_block"
  let mounts = Place("s_mounts")
}

/// Since 6.18 (commit 09a1b33c080f) each mount leads to the next one.
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

private struct FirstTask: KernelStruct {
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

  /// Where a file system is mounted in the first mount namespace: addresses of `struct mount`.
  ///
  /// - Parameter superBlock: of its `struct super_block`.
  public func mounts(
    ofFileSystem superBlock: KernelVirtualAddress
  ) throws(ReadFault) -> [KernelVirtualAddress] {
    let (namespace, mounts) = try view.together(
      read(FirstTask.self, symbol: "init_task").nsproxy.mountNamespace, allMounts(of: superBlock))
    return mounts.filter { $0.namespace == namespace }.map(\.address)
  }

  private typealias FoundMount = (address: KernelVirtualAddress, namespace: KernelVirtualAddress)

  private func allMounts(
    of superBlock: KernelVirtualAddress
  ) throws(ReadFault) -> [FoundMount] {
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
    if let next { try view.countCut("mount", after: mounts.count, at: next.address) }
    return mounts
  }
}
