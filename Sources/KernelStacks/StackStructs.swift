import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct task_struct` of include/linux/sched.h: its stack, and where it left it.
struct StackOwner: KernelStruct {
  static let kernelName = "task_struct"
  /// NULL when the task has ended.
  let stack = Member<KernelVirtualAddress>("stack")
  /// It runs on a CPU, and what is kept of its registers is of the past.
  let onCPU = OptionalMember<AnyNumber>("on_cpu")
  /// x86-64.
  let sp = OptionalMember<UInt64>("thread.sp")
  /// arm64.
  let contextFP = OptionalMember<UInt64>("thread.cpu_context.fp")
  let contextSP = OptionalMember<UInt64>("thread.cpu_context.sp")
  let contextPC = OptionalMember<UInt64>("thread.cpu_context.pc")
}

/// `struct task_struct` of kernels whose stacks are in vmalloc memory (CONFIG_VMAP_STACK).
struct StackMapping: KernelStruct {
  static let kernelName = "task_struct"
  /// NULL for the first task.
  let area = OptionalLink<VMStruct>("stack_vm_area")
}

/// `struct vm_struct` of include/linux/vmalloc.h.
struct VMStruct: KernelStruct {
  static let kernelName = "vm_struct"
  let nrPages = Member<UInt32>("nr_pages")
}

/// `struct rq` of kernel/sched/sched.h.
struct CurrentOfQueue: KernelStruct {
  static let kernelName = "rq"
  let current = Link<TaskName>("curr")
}

// MARK: x86-64

/// `struct inactive_task_frame` of arch/x86/include/asm/switch_to.h: on top of the stack of a task
/// that does not run.
struct InactiveTaskFrame: KernelStruct {
  static let kernelName = "inactive_task_frame"
  let bp = Member<UInt64>("bp")
  let retAddr = Member<UInt64>("ret_addr")
}

/// `struct pt_regs` of arch/x86/include/asm/ptrace.h.
struct X86Registers: KernelStruct {
  static let kernelName = "pt_regs"
  let r13 = Member<UInt64>("r13")
  let bp = Member<UInt64>("bp")
  let r10 = Member<UInt64>("r10")
  let ax = Member<UInt64>("ax")
  let dx = Member<UInt64>("dx")
  let di = Member<UInt64>("di")
  let ip = Member<UInt64>("ip")
  /// A union since 6.9 (commit ee63291aa8287).
  let cs = Member<UInt64>("csx", "cs")
  let sp = Member<UInt64>("sp")
}

/// `struct pt_regs`, of which the CPU itself has saved the end, and nothing else is there.
struct X86InterruptFrame: KernelStruct {
  static let kernelName = "pt_regs"
  let ip = Member<UInt64>("ip")
  let cs = Member<UInt64>("csx", "cs")
  let sp = Member<UInt64>("sp")
  let ss = OptionalMember<UInt64>("ssx", "ss")
}

/// `struct pcpu_hot` of arch/x86/include/asm/current.h, from 6.2 (commit d7b6d709a76a) to 6.14.
struct PCPUHot: KernelStruct {
  static let kernelName = "pcpu_hot"
  let hardirqStackPtr = Member<KernelVirtualAddress>("hardirq_stack_ptr")
}

/// `struct tss_struct` of arch/x86/include/asm/processor.h.
struct TaskState64: KernelStruct {
  static let kernelName = "tss_struct"
  /// The end of the stack on which the CPU enters the kernel.
  let sp0 = Member<UInt64>("x86_tss.sp0")
}

// MARK: arm64

/// `struct pt_regs` of arch/arm64/include/asm/ptrace.h.
struct Arm64Registers: KernelStruct {
  static let kernelName = "pt_regs"
  let regs = Member<[UInt64]>("regs")
  let pc = Member<UInt64>("pc")
}
