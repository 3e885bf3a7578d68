import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct task_struct` of include/linux/sched.h: whose files it has open.
struct FileUser: KernelStruct {
  static let kernelName = "task_struct"
  let pid = Member<UInt32>("pid")
  let tgid = Member<UInt32>("tgid")
  /// TASK_COMM_LEN is 16.
  let comm = Member<String>("comm", size: 16)
  /// NULL for a process that has ended.
  let files = OptionalLink<FilesStruct>("files")
}

/// `struct files_struct` of include/linux/fdtable.h.
struct FilesStruct: KernelStruct {
  static let kernelName = "files_struct"
  let fdt = Link<FDTable>("fdt")
}

/// `struct fdtable` of include/linux/fdtable.h.
struct FDTable: KernelStruct {
  static let kernelName = "fdtable"
  let maxFDs = Member<UInt32>("max_fds")
  /// Pointers to `struct file`.
  let fd = Member<KernelVirtualAddress>("fd")
  /// A bit each.
  let openFDs = Member<KernelVirtualAddress>("open_fds")
}

/// `struct file` of include/linux/fs.h.
struct OpenFile: KernelStruct {
  static let kernelName = "file"
  let operations = OptionalLink<FileOperations>("f_op")
  let privateData = Member<KernelVirtualAddress>("private_data")
}

/// `struct file_operations` of include/linux/fs.h. The release function shows what kind of file it
/// is, also where kallsyms has functions only.
struct FileOperations: KernelStruct {
  static let kernelName = "file_operations"
  let release = Member<KernelVirtualAddress>("release")
}

extension Walk {
  /// sysctl_nr_open_max of fs/file.c is far above this; nobody has so many files open.
  private static let mostFiles: UInt32 = 1 << 20

  /// The descriptors of a table that are open, ascending, and where their `struct file` are.
  func openFiles(
    of table: KernelObject<FDTable>
  ) throws(ReadFault) -> [(descriptor: Int, file: KernelVirtualAddress)] {
    guard table.maxFDs <= Self.mostFiles else {
      throw .corrupt("a table of \(table.maxFDs) files", at: table.address)
    }
    let count = Int(table.maxFDs) / 64
    let open = try view.bytes(at: table.openFDs, count: 8 * count)
    let words = (0..<count).filter { open.u64(at: 8 * $0) != 0 }
    let found = try view.each(words) { word throws(ReadFault) in
      let bits = open.u64(at: 8 * word)!
      let pointers = try view.bytes(at: table.fd + 512 * word, count: 512)
      return (0..<64).filter { bits >> UInt64($0) & 1 == 1 }.map { bit in
        (descriptor: 64 * word + bit, file: KernelVirtualAddress(pointers.u64(at: 8 * bit)!))
      }
    }
    // Between its reservation and its use a descriptor has no file yet.
    return found.flatMap { $0 }.filter { $0.file.rawValue != 0 }
  }

  /// What `body` makes of the open files of a table, by ascending descriptor; nil leaves one out.
  /// A file that cannot be read is counted and named.
  func files<T>(
    of table: KernelObject<FDTable>,
    _ body: (_ descriptor: Int, KernelObject<OpenFile>) throws(ReadFault) -> T?
  ) throws(ReadFault) -> [T] {
    var values: [T] = []
    for (descriptor, file) in try openFiles(of: table) {
      let key = ObjectKey("file", id: UInt64(descriptor), at: table.fd + 8 * descriptor)
      let value = try view.object(key) { () throws(ReadFault) in
        try body(descriptor, try read(OpenFile.self, at: file))
      }
      if let value = value ?? nil { values.append(value) }
    }
    return values
  }
}
