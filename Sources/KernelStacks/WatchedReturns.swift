import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// The real return addresses of one task's functions whose return is watched by a probe or by the function graph
/// tracer. The stack has the address of a trampoline instead; the kernel keeps the real one with a number that
/// identifies the frame: `unwind_recover_ret_addr()` of arch/x86/include/asm/unwind.h,
/// `kunwind_recover_return_address()` of arch/arm64/kernel/stacktrace.c.
struct WatchedReturns {
  private typealias Return = (frame: UInt64, address: UInt64)

  private let trampolines: ReturnTrampolines
  private let returns: [Return]

  /// More than this many are garbage: the tracer has room for less.
  private static let most = 512

  init(
    of task: KernelVirtualAddress, _ trampolines: ReturnTrampolines, in walk: Walk
  ) throws(ReadFault) {
    self.trampolines = trampolines
    // One that this kernel lacks, or that is damaged, takes none of the others with it.
    let lists = try walk.view.together(
      walk.ifReadable(Self.rethooks(of: task, in: walk)),
      walk.ifReadable(Self.kretprobes(of: task, in: walk)),
      walk.ifReadable(Self.graph(of: task, in: walk)))
    returns = [lists.0, lists.1, lists.2].flatMap { $0 ?? [] }
  }

  /// Nil for a frame that the kernel has no address for. Where several watch one function, all but one of them
  /// would return to a trampoline.
  func address(of frame: UInt64) -> UInt64? {
    returns.first { $0.frame == frame && !trampolines.contains($0.address) }?.address
  }

  private static func rethooks(
    of task: KernelVirtualAddress, in walk: Walk
  ) throws(ReadFault) -> [Return] {
    let head = task + (try walk.offset(of: \RethookTask.rethooks) ?? 0)
    return try walk.llist(at: head, of: \RethookNode.llist, most: most) {
      node throws(ReadFault) in (node.frame, node.retAddr)
    }
  }

  private static func kretprobes(
    of task: KernelVirtualAddress, in walk: Walk
  ) throws(ReadFault) -> [Return] {
    let head = task + (try walk.offset(of: \KretprobeTask.kretprobeInstances) ?? 0)
    return try walk.llist(at: head, of: \KretprobeInstance.llist, most: most) {
      node throws(ReadFault) in (node.fp.rawValue, node.retAddr.rawValue)
    }
  }

  // MARK: The function graph tracer

  /// Innermost first: a frame that was left may still be there further out.
  private static func graph(
    of task: KernelVirtualAddress, in walk: Walk
  ) throws(ReadFault) -> [Return] {
    let task = try walk.read(GraphTask.self, at: task)
    guard task.retStack.rawValue != 0 else { return [] }
    let size = try walk.size(of: FtraceRetStack.self)
    let last = Int(task.currRetStack)
    guard (0..<most).contains(last) else { return [] }
    let places =
      walk.kernel.graphsOfFramesVary
      ? try places(in: task, size, walk) : (0...last).reversed().map { size * $0 }
    return try walk.view.each(places) { place throws(ReadFault) in
      let entry = try walk.read(FtraceRetStack.self, at: task.retStack + place)
      return (entry.retp.rawValue, entry.ret)
    }
  }

  /// `get_ret_stack()` of kernel/trace/fgraph.c since 6.11 (commit 42675b723b48): the last word of each frame
  /// has the distance to its start in its low bits, counted in words.
  private static func places(
    in task: KernelObject<GraphTask>, _ size: Int, _ walk: Walk
  ) throws(ReadFault) -> [Int] {
    var end = Int(task.currRetStack)
    let words = try walk.view.bytes(at: task.retStack, count: 8 * end)
    var places: [Int] = []
    while end > 0, let last = words.u64(at: 8 * (end - 1)) {
      let distance = Int(last & 0x3ff)
      guard distance > 0, distance < end, 8 * distance >= size else { break }
      end -= 1 + distance
      places.append(8 * end)
    }
    return places
  }
}

/// Code to which a function returns that a return probe or the function graph tracer watches.
struct ReturnTrampolines: Sendable {
  private let addresses: Set<UInt64>

  init(_ kernel: GuestKernel) {
    let names = [
      "return_to_handler", "arch_rethook_trampoline", "__kretprobe_trampoline",
      // Up to 5.15 (commit adf8a61a940c).
      "kretprobe_trampoline",
    ]
    addresses = Set(names.compactMap { kernel.symbols.address(of: $0) })
  }

  /// True for the start of such code, which no call has before it.
  func contains(_ address: UInt64) -> Bool { addresses.contains(address) }
}

extension GuestKernel {
  var returnTrampolines: ReturnTrampolines? {
    try? prepared { () throws(KernelError) in ReturnTrampolines(self) }
  }

  /// Since 6.11 (commit 42675b723b48) tracers may have room of their own in each frame of a graph.
  fileprivate var graphsOfFramesVary: Bool {
    (try? btf.requiredField("idx", of: "fgraph_ops")) != nil
  }
}

/// `struct task_struct` with CONFIG_RETHOOK, which x86-64 has since 5.18 (commit f3a112c0c40d).
private struct RethookTask: KernelStruct {
  static let kernelName = "task_struct"
  let rethooks = Place("rethooks")
}

/// `struct rethook_node` of include/linux/rethook.h.
private struct RethookNode: KernelStruct {
  static let kernelName = "rethook_node"
  let llist = Place("llist")
  let retAddr = Member<UInt64>("ret_addr")
  let frame = Member<UInt64>("frame")
}

/// `struct task_struct` since 5.11 (commit d741bf41d7c7).
private struct KretprobeTask: KernelStruct {
  static let kernelName = "task_struct"
  let kretprobeInstances = Place("kretprobe_instances")
}

/// `struct kretprobe_instance` of include/linux/kprobes.h, where it has no `struct rethook_node`.
private struct KretprobeInstance: KernelStruct {
  static let kernelName = "kretprobe_instance"
  let llist = Place("llist")
  let retAddr = Member<KernelVirtualAddress>("ret_addr")
  let fp = Member<KernelVirtualAddress>("fp")
}

/// `struct task_struct` with CONFIG_FUNCTION_GRAPH_TRACER.
private struct GraphTask: KernelStruct {
  static let kernelName = "task_struct"
  /// NULL for a task that the tracer has not met.
  let retStack = Member<KernelVirtualAddress>("ret_stack")
  /// The index of the last frame, -1 for none; since 6.11 the number of words in use.
  let currRetStack = Member<Int32>("curr_ret_stack")
}

/// `struct ftrace_ret_stack` of include/linux/ftrace.h, where the architecture has `retp`.
private struct FtraceRetStack: KernelStruct {
  static let kernelName = "ftrace_ret_stack"
  let ret = Member<UInt64>("ret")
  let retp = Member<KernelVirtualAddress>("retp")
}
