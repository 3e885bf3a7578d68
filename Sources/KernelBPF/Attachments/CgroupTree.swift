import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// Which cgroups to read, and which of their programs.
public struct CgroupQuery: Hashable, Sendable {
  /// The guest's path of a cgroup, from where the hierarchy is mounted (`/system.slice`) or from the
  /// root of its files (`/sys/fs/cgroup/system.slice`); nil for the root of the hierarchy.
  public var path: String?
  public var withDescendants: Bool
  /// All programs that run in a cgroup, also those that are attached to its ancestors.
  public var isEffective: Bool

  public init(path: String? = nil, withDescendants: Bool = true, isEffective: Bool = false) {
    (self.path, self.withDescendants, self.isEffective) = (path, withDescendants, isEffective)
  }
}

/// A cgroup and its programs.
public struct CgroupPrograms: Sendable {
  /// The guest's path of its directory.
  public var path: String
  /// The number that the kernel has for it: the inode of the directory.
  public var id: UInt64
  /// In the order in which bpftool lists them.
  public var programs: [(type: String, flags: UInt32?, program: AttachedProgram)]
}

extension BPFObjects {
  /// The cgroups that a query asks for, each before its children, those of one parent in the order of
  /// their directory; nil where no cgroup has the path.
  ///
  /// Only the default hierarchy (cgroup v2) runs programs.
  public func cgroups(_ query: CgroupQuery) throws(KernelError) -> Snapshot<[CgroupPrograms]?> {
    _ = try kernel.address(of: CgroupWalk.rootSymbol)
    return try snapshot(waveLimit: Self.longListWaveLimit) { walk throws(ReadFault) in
      try CgroupWalk(walk: walk, query: query).cgroups()
    }
  }
}

private struct CgroupWalk {
  static let rootSymbol = "cgrp_dfl_root"
  /// Hierarchies are less deep than this.
  private static let mostLevels = 256

  let walk: Walk
  let query: CgroupQuery
  private var view: MemoryView { walk.view }

  /// A cgroup, and those below it.
  private struct Branch {
    var name: String
    var hash: UInt32
    var id: UInt64
    var attachments: [CgroupAttachment]
    var children: [Branch]
  }

  func cgroups() throws(ReadFault) -> [CgroupPrograms]? {
    let root = try walk.read(CgroupRoot.self, symbol: Self.rootSymbol)
    var mount: String?
    do throws(ReadFault) { mount = try walk.mountPath(of: root) } catch .unreadable {}
    let names = query.path.map { self.names(of: $0, mount: mount) } ?? []
    let top = try branch(
      try walk.read(CgroupNode.self, at: root.address(of: \.cgrp)!), names[...], level: 0)
    var found: [(path: String, branch: Branch)] = []
    list(top, at: mount ?? "", level: 0, from: names.count, into: &found)
    let all = found.flatMap { $0.branch.attachments.flatMap(\.programs) }
    let programs = try walk.attached(all)
    guard !found.isEmpty || view.hasMisses || !view.unreadableObjects.isEmpty else { return nil }
    return found.map { path, branch in
      CgroupPrograms(
        path: path, id: branch.id,
        programs: branch.attachments.flatMap { attachment in
          attachment.programs.compactMap { address in
            programs[address].map { (attachment.type, attachment.flags, $0) }
          }
        })
    }
  }

  /// The names of the cgroups on the way to one.
  private func names(of path: String, mount: String?) -> [String] {
    var path = path[...]
    for prefix in [mount, "/sys/fs/cgroup"].compactMap({ $0 })
    where path == prefix || path.hasPrefix(prefix + "/") {
      path = path.dropFirst(prefix.count)
      break
    }
    return path.split(separator: "/").map(String.init)
  }

  /// - Parameter way: the names of the cgroups from here to the one that is wanted.
  private func branch(
    _ cgroup: KernelObject<CgroupNode>, _ way: ArraySlice<String>, level: Int
  ) throws(ReadFault) -> Branch {
    guard level < Self.mostLevels else {
      throw .corrupt("a hierarchy of cgroups that is too deep", at: cgroup.address)
    }
    let goesOn = !way.isEmpty || query.withDescendants
    let reader = CgroupAttachmentReader(walk: walk, isEffective: query.isEffective)
    let (node, name, attachments, children) = try view.together(
      cgroup.kn, cgroup.kn.name, way.isEmpty ? reader.attachments(of: cgroup) : [],
      goesOn ? children(of: cgroup, way, level) : [])
    return Branch(
      name: name ?? "", hash: node.hash, id: node.id, attachments: attachments,
      children: children.sorted { ($0.hash, $0.name) < ($1.hash, $1.name) })
  }

  /// A damaged list may lead to the cgroups of another parent, and in a circle.
  private func children(
    of cgroup: KernelObject<CgroupNode>, _ way: ArraySlice<String>, _ level: Int
  ) throws(ReadFault) -> [Branch] {
    let own = cgroup.address(of: \.own)!
    return try walk.list(at: cgroup.address(of: \.children)!, of: \CgroupNode.sibling) {
      child throws(ReadFault) in
      guard child.parent == own else {
        throw .corrupt("a cgroup among the children of another parent", at: child.address)
      }
      guard isOnline(child) else { return nil }
      if let name = way.first, try child.kn.name != name { return nil }
      return try branch(child, way.dropFirst(), level: level + 1)
    }
  }

  /// The directory of one that was removed is gone: it only waits for its last user.
  private func isOnline(_ cgroup: KernelObject<CgroupNode>) -> Bool {
    // CSS_ONLINE of include/linux/cgroup-defs.h, in an enumeration without a name.
    guard let bit = walk.kernel.enumerator(named: "CSS_ONLINE") else { return true }
    return cgroup.flags & UInt32(truncatingIfNeeded: bit) != 0
  }

  private func list(
    _ branch: Branch, at path: String, level: Int, from first: Int,
    into found: inout [(path: String, branch: Branch)]
  ) {
    if level >= first { found.append((path.isEmpty ? "/" : path, branch)) }
    for child in branch.children {
      let start = path == "/" ? "" : path
      list(child, at: start + "/" + child.name, level: level + 1, from: first, into: &found)
    }
  }
}
