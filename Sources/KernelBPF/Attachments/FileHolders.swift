import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// A process that has a file open.
public struct FileHolder: Hashable, Sendable {
  public var pid: UInt32
  public var comm: String
  public var descriptor: Int
}

extension BPFObjects {
  /// Which processes hold sockets, by the address of their `struct file`; by ascending pid and descriptor.
  ///
  /// Looks at every descriptor of every process, which may be many: as `perfAttachments()`, but for the
  /// files themselves, of which nothing is read.
  ///
  /// - Parameter sockets: the `struct sock` of each file. One that is another socket's by now is left out.
  public func holders(
    of sockets: [KernelVirtualAddress: KernelVirtualAddress]
  ) throws(KernelError) -> Snapshot<[KernelVirtualAddress: [FileHolder]]> {
    let tasks: ObjectTable = try ObjectTable(.task, kernel)
    return try snapshot { walk throws(ReadFault) in
      let found = try tasks.objects(in: walk.view) { entry throws(ReadFault) in
        try walk.read(FileUser.self, at: entry.pointer).held(of: sockets)
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
    of sockets: [KernelVirtualAddress: KernelVirtualAddress]
  ) throws(ReadFault) -> [(KernelVirtualAddress, FileHolder)]? {
    guard self.pid == self.tgid, let table = try self.files?.fdt else { return nil }
    let open = try walk.openFiles(of: table).filter { sockets[$0.file] != nil }
    let owned = try view.each(open) { descriptor, address throws(ReadFault) in
      let file = try walk.read(OpenFile.self, at: address)
      return try walk.read(SocketOfUser.self, at: file.privateData).sk == sockets[address]
    }
    return zip(open, owned).filter(\.1).map { open, _ in
      (open.file, FileHolder(pid: self.pid, comm: self.comm, descriptor: open.descriptor))
    }
  }
}
