import GuestScopeGuestMemory

/// `struct inode` of include/linux/fs.h: what leads to its names.
private struct NamedInode: KernelStruct {
  static let kernelName = "inode"
  /// NULL for one without a name in the cache of directories.
  let firstAlias = Member<KernelVirtualAddress>("i_dentry.first")
  let superBlock = Member<KernelVirtualAddress>("i_sb")
}

private struct AliasedDentry: KernelStruct {
  static let kernelName = "dentry"
  /// A member of a union without a name in 7.x.
  let alias = Place("d_alias", "d_u.d_alias")
}

extension Walk {
  /// The path of a file in the first mount namespace, by the first of its names; nil for a file that
  /// is not to be reached there, or whose names the kernel does not have in memory.
  ///
  /// Takes a wave for each directory on the way.
  ///
  /// - Parameter address: of a `struct inode`.
  public func path(ofInode address: KernelVirtualAddress) throws(ReadFault) -> String? {
    let inode = try read(NamedInode.self, at: address)
    guard inode.firstAlias.rawValue != 0 else { return nil }
    let dentry = inode.firstAlias + -(try offset(of: \AliasedDentry.alias) ?? 0)
    for mount in try mounts(ofFileSystem: inode.superBlock) {
      // Of a file system only a part may be mounted, which the file need not be in.
      do throws(ReadFault) { return try path(toDentry: dentry, inMount: mount) } catch {
        guard case .unreadable = error else { throw error }
      }
    }
    return nil
  }
}
