import GuestScopeGuestMemory

/// `struct path` of include/linux/path.h: a file in the tree of its mount namespace.
public struct KernelPath: KernelStruct {
  public static let kernelName = "path"
  let mnt = Link<VFSMount>("mnt")
  let dentry = Link<Dentry>("dentry")

  public init() {}
}

/// `struct dentry` of include/linux/dcache.h.
struct Dentry: KernelStruct {
  static let kernelName = "dentry"
  let parent = Member<KernelVirtualAddress>("d_parent")
  let name = TextLink("d_name.name")
}

/// `struct vfsmount` of include/linux/mount.h.
struct VFSMount: KernelStruct {
  static let kernelName = "vfsmount"
  let root = Member<KernelVirtualAddress>("mnt_root")
}

/// `struct mount` of fs/mount.h.
struct Mount: KernelStruct {
  static let kernelName = "mount"
  let mnt = Place("mnt")
  let parent = Member<KernelVirtualAddress>("mnt_parent")
  let mountpoint = Member<KernelVirtualAddress>("mnt_mountpoint")
  let root = Member<KernelVirtualAddress>("mnt.mnt_root")
}

extension KernelObject<KernelPath> {
  /// The path from the root of the mount namespace, as `d_path()` of fs/d_path.c makes it. Takes a
  /// wave for each directory on the way.
  public func text() throws(ReadFault) -> String {
    let (dentry, mount) = try view.together(self.dentry, self.mnt.container(\Mount.mnt))
    return try walk.path(to: dentry, in: mount)
  }
}

extension Walk {
  /// More names than any path has: PATH_MAX is 4096 bytes.
  private static let mostSteps = 2048

  /// Where a `struct mount` is mounted: the path of its root.
  public func path(ofMount address: KernelVirtualAddress) throws(ReadFault) -> String {
    let mount = try read(Mount.self, at: address)
    return try path(to: try read(Dentry.self, at: mount.root), in: mount)
  }

  /// The path of a `struct dentry` in a `struct mount`.
  func path(
    toDentry dentry: KernelVirtualAddress, inMount mount: KernelVirtualAddress
  ) throws(ReadFault) -> String {
    let (dentry, mount) = try view.together(
      read(Dentry.self, at: dentry), read(Mount.self, at: mount))
    return try path(to: dentry, in: mount)
  }

  fileprivate func path(
    to dentry: KernelObject<Dentry>, in mount: KernelObject<Mount>
  ) throws(ReadFault) -> String {
    var (dentry, mount) = (dentry, mount)
    var names: [String] = []
    for _ in 0..<Self.mostSteps {
      if dentry.address == mount.root {
        guard mount.parent != mount.address else {
          return "/" + names.reversed().joined(separator: "/")
        }
        (dentry, mount) = try view.together(
          read(Dentry.self, at: mount.mountpoint), read(Mount.self, at: mount.parent))
      } else {
        guard dentry.parent != dentry.address else { break }
        let (name, parent) = try view.together(
          dentry.name, read(Dentry.self, at: dentry.parent))
        names.append(name ?? "")
        dentry = parent
      }
    }
    throw .corrupt("a path that does not end", at: dentry.address)
  }
}
