import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// A process that has a file open.
public struct FileHolder: Hashable, Sendable {
  public var pid: UInt32
  public var comm: String
  public var descriptor: Int
}

extension BPFObjects {
  /// Which processes have files open, by the address of a `struct file`; by ascending pid and descriptor.
  ///
  /// Looks at every descriptor of every process, which may be many: as `perfAttachments()`, but for the
  /// files themselves, of which nothing is read.
  public func holders(
    of files: Set<KernelVirtualAddress>
  ) throws(KernelError) -> Snapshot<[KernelVirtualAddress: [FileHolder]]> {
    let tasks: ObjectTable = try ObjectTable(.task, kernel)
    return try snapshot { walk throws(ReadFault) in
      let found = try tasks.objects(in: walk.view) { entry throws(ReadFault) in
        try walk.read(FileUser.self, at: entry.pointer).held(of: files)
      }
      var holders: [KernelVirtualAddress: [FileHolder]] = [:]
      for (file, holder) in found.joined() { holders[file, default: []].append(holder) }
      return holders
    }
  }
}

extension KernelObject<FileUser> {
  /// Nil for a thread, which mostly shares the files of its process.
  fileprivate func held(
    of files: Set<KernelVirtualAddress>
  ) throws(ReadFault) -> [(KernelVirtualAddress, FileHolder)]? {
    guard self.pid == self.tgid, let table = try self.files?.fdt else { return nil }
    return try walk.openFiles(of: table).filter { files.contains($0.file) }.map {
      ($0.file, FileHolder(pid: self.pid, comm: self.comm, descriptor: $0.descriptor))
    }
  }
}
