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
  /// More names than any path has: PATH_MAX is 4096 bytes.
  private static var mostSteps: Int { 2048 }

  /// The path from the root of the mount namespace, as `d_path()` of fs/d_path.c makes it. Takes a
  /// wave for each directory on the way.
  public func text() throws(ReadFault) -> String {
    var (dentry, mount) = (try self.dentry, try self.mnt.container(\Mount.mnt))
    var names: [String] = []
    for _ in 0..<Self.mostSteps {
      if dentry.address == mount.root {
        guard mount.parent != mount.address else { return "/" + names.joined(separator: "/") }
        dentry = try walk.read(Dentry.self, at: mount.mountpoint)
        mount = try walk.read(Mount.self, at: mount.parent)
      } else {
        guard dentry.parent != dentry.address else { break }
        names.insert(try dentry.name ?? "", at: 0)
        dentry = try walk.read(Dentry.self, at: dentry.parent)
      }
    }
    throw .corrupt("a path that does not end", at: address)
  }
}
