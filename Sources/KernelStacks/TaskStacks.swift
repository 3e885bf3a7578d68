import GuestScopeGuestMemory
import GuestScopeKernelTasks
import GuestScopeLinuxKernel

/// A task, and the calls that it is in.
public struct TaskStack: Hashable, Sendable {
  public var task: KernelTask
  public var stack: KernelStack

  public init(task: KernelTask, stack: KernelStack) { (self.task, self.stack) = (task, stack) }
}

/// The stacks of a guest's kernel.
public struct KernelStacks: Sendable {
  let tasks: KernelTasks
  let table: ObjectTable
  let orc: OrcTables?
  /// Nil for x86-64.
  let arm64: Arm64StackLayout?

  /// A walk of a stack takes some waves for each function whose unwind entry is not known yet.
  public static let waveLimit = 512

  /// - Throws: `KernelError.symbolNotFound` for a kernel without `init_pid_ns`.
  public init(_ kernel: GuestKernel) throws(KernelError) {
    tasks = try KernelTasks(kernel)
    table = try ObjectTable(.task, kernel)
    arm64 = kernel.architecture == .arm64 ? try Arm64StackLayout(kernel) : nil
    orc = kernel.architecture == .x86 ? OrcTables(kernel) : nil
  }

  func unwinder(_ walk: Walk) -> any Unwinder {
    if let arm64 { return FrameRecordUnwinder(walk: walk, layout: arm64) }
    if let orc { return OrcUnwinder(walk: walk, tables: orc) }
    return FramePointerUnwinder(walk: walk)
  }

  /// The stacks of tasks, by ascending pid. One that runs has none here: a CPU's registers lead
  /// to it.
  ///
  /// - Parameter pids: those that are wanted; nil for all.
  public func stacks(
    of pids: Set<UInt64>? = nil, in walk: Walk
  ) throws(ReadFault) -> [TaskStack] {
    let found = try tasks.list(pids, in: walk) { task throws(ReadFault) in
      try stack(ofTask: task, in: walk)
    }
    return zip(found.list.tasks, found.more).map { TaskStack(task: $0, stack: $1) }
  }

  /// `__unwind_start()` of arch/x86/kernel/unwind_orc.c, `kunwind_init_from_task()` of
  /// arch/arm64/kernel/stacktrace.c.
  private func stack(
    ofTask task: KernelVirtualAddress, in walk: Walk
  ) throws(ReadFault) -> KernelStack {
    let owner = try walk.read(StackOwner.self, at: task)
    guard owner.stack.rawValue != 0 else {
      return KernelStack([], .none("it has ended, and its stack is gone"))
    }
    guard owner.onCPU?.value ?? 0 == 0 else {
      return KernelStack([], .none("it runs, and a CPU has its registers"))
    }
    guard let area = try walk.stack(of: owner, table) else {
      throw .corrupt("a task with a stack that cannot be one", at: owner.stack)
    }
    var stackWalk = StackWalk(walk, unwinder(walk), [area], of: task)
    let start: UnwindState
    if let pc = owner.contextPC, let sp = owner.contextSP, let fp = owner.contextFP {
      start = UnwindState(pc: walk.kernel.withoutPAC(pc), sp: sp, fp: fp)
    } else {
      let sp = owner.sp ?? 0
      let size = try walk.size(of: InactiveTaskFrame.self)
      try stackWalk.memory.check(sp, count: size)
      let frame = try walk.read(InactiveTaskFrame.self, at: KernelVirtualAddress(sp))
      start = UnwindState(
        pc: frame.retAddr, sp: sp &+ UInt64(size), fp: frame.bp,
        // A new task returns to its start: it has not called anything yet.
        isInterrupted: walk.kernel.function(at: frame.retAddr)?.name.hasPrefix("ret_from_fork")
          ?? false)
    }
    return try walk.named(try stackWalk.frames(from: start))
  }
}
