import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// A descriptor of a process that keeps a program at an event.
public struct PerfAttachment: Sendable {
  public var pid: UInt32
  public var comm: String
  public var descriptor: Int
  public var programID: UInt32
  public var event: Event

  public enum Event: Hashable, Sendable {
    case rawTracepoint(String)
    /// A tracepoint, or a system call: `sys_enter_openat`.
    case tracepoint(String)
    /// A function and bytes from its start, or an address alone.
    case kprobe(function: String?, offset: UInt32, address: UInt64, isReturn: Bool)
    case uprobe(file: String, offset: UInt64, isReturn: Bool)
    /// A counter of the CPU or the kernel: its type and what it counts, in bpftool's words or as
    /// numbers.
    case counter(type: String, config: String)
  }
}

extension BPFObjects {
  /// Which processes hold programs at events, by ascending pid and descriptor.
  ///
  /// Looks at every open file of every process, which may be many: the memory of all of them is
  /// read, in several stops where it is too much for one.
  ///
  /// - Throws: `KernelError.symbolNotFound` for a kernel that does not say which files are events.
  public func perfAttachments() throws(KernelError) -> Snapshot<[PerfAttachment]> {
    let tasks: ObjectTable = try ObjectTable(.task, kernel)
    let reader = PerfReader(
      eventReleases: try kernel.pointers(toFunction: "perf_release"),
      linkReleases: try kernel.pointers(toFunction: "bpf_link_release"))
    return try snapshot { walk throws(ReadFault) in
      try tasks.objects(in: walk.view) { entry throws(ReadFault) in
        try reader.attachments(of: try walk.read(FileUser.self, at: entry.pointer))
      }.flatMap { $0 }
    }
  }
}

/// `bpf_task_fd_query()` of kernel/bpf/syscall.c.
private struct PerfReader: Sendable {
  /// What releases the files of perf events, and those of BPF links.
  let eventReleases: Set<KernelVirtualAddress>
  let linkReleases: Set<KernelVirtualAddress>

  func attachments(
    of task: KernelObject<FileUser>
  ) throws(ReadFault) -> [PerfAttachment]? {
    // The threads of a process mostly share its files.
    guard task.pid == task.tgid, let table = try task.files?.fdt else { return nil }
    return try task.walk.files(of: table) { descriptor, file throws(ReadFault) in
      let found: (id: UInt32, event: PerfAttachment.Event)? =
        switch try file.operations?.release {
        case let release? where eventReleases.contains(release):
          try event(at: file.privateData, task.walk)
        case let release? where linkReleases.contains(release):
          try link(at: file.privateData, task.walk)
        default: nil
        }
      return found.map { id, event in
        PerfAttachment(
          pid: task.pid, comm: task.comm, descriptor: descriptor, programID: id, event: event)
      }
    }
  }

  private func link(
    at address: KernelVirtualAddress, _ walk: Walk
  ) throws(ReadFault) -> (UInt32, PerfAttachment.Event)? {
    let link = try walk.read(BPFLinkStruct.self, at: address)
    guard walk.kernel.linkTypes[link.type] == "raw_tracepoint" else { return nil }
    let (id, name) = try walk.view.together(
      link.prog?.aux.id ?? 0, link.container(\BPFRawTPLink.link).btp.tp.name)
    return (id, .rawTracepoint(name ?? ""))
  }

  /// Nil for an event without a program.
  private func event(
    at address: KernelVirtualAddress, _ walk: Walk
  ) throws(ReadFault) -> (UInt32, PerfAttachment.Event)? {
    let event = try walk.read(PerfEvent.self, at: address)
    guard let program = try event.prog else { return nil }
    let (id, place) = try walk.view.together(program.aux.id, self.place(of: event, program))
    return place.map { (id, $0) }
  }

  private func place(
    of event: KernelObject<PerfEvent>, _ program: KernelObject<BPFProgTarget>
  ) throws(ReadFault) -> PerfAttachment.Event? {
    if event.kernel.programTypes[program.type] == "perf_event" {
      let names = PerfEventNames.names(type: event.type, config: event.config)
      return .counter(
        type: names.type ?? "\(event.type)", config: names.config ?? "\(event.config)")
    }
    let (kprobe, uprobe) = try event.view.together(event.kprobe(), event.uprobe())
    if let kprobe {
      return .kprobe(
        function: try kprobe.symbol, offset: kprobe.offset, address: kprobe.addr.rawValue,
        isReturn: kprobe.isReturn)
    }
    if let uprobe {
      return .uprobe(
        file: try uprobe.filename ?? "", offset: uprobe.offset, isReturn: uprobe.isReturn)
    }
    return try event.tracepoint().map { .tracepoint($0) }
  }
}

extension GuestKernel {
  /// What a pointer to the function can be: with clang's CFI before 6.1 (commit 89245600941e) it leads to a
  /// table of jumps, in which the function has another name.
  fileprivate func pointers(
    toFunction name: String
  ) throws(KernelError) -> Set<KernelVirtualAddress> {
    let jump = symbols.address(of: name + ".cfi_jt").map(KernelVirtualAddress.init)
    return Set([try address(of: name), jump].compactMap { $0 })
  }
}
