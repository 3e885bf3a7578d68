import GuestScopeGuestMemory

/// `struct cgroup` of include/linux/cgroup-defs.h.
private struct NamedCgroup: KernelStruct {
  static let kernelName = "cgroup"
  let kn = Link<KernfsName>("kn")
}

/// `struct kernfs_node` of include/linux/kernfs.h.
private struct KernfsName: KernelStruct {
  static let kernelName = "kernfs_node"
  /// `__parent` since 6.15 (commit 633488947ef6).
  let parent = Member<KernelVirtualAddress>("__parent", "parent")
  /// NULL, or empty, for the root.
  let name = TextLink("name")
}

extension Walk {
  /// Hierarchies of cgroups may be less deep than this.
  private static let mostLevels = 256

  /// The path of a cgroup from the root of its hierarchy: `/`, `/system.slice`. Takes a wave for each
  /// level.
  ///
  /// - Parameter address: of a `struct cgroup`.
  public func cgroupPath(at address: KernelVirtualAddress) throws(ReadFault) -> String {
    let start = try read(NamedCgroup.self, at: address).kn
    var (node, names) = (start, [String]())
    for _ in 0..<Self.mostLevels {
      guard node.parent.rawValue != 0 else { return "/" + names.reversed().joined(separator: "/") }
      let (name, parent) = try view.together(node.name, read(KernfsName.self, at: node.parent))
      names.append(name ?? "")
      node = parent
    }
    throw .corrupt("a cgroup without a root", at: start.address)
  }
}
