/// `struct task_struct` of include/linux/sched.h, of which only what names it counts.
public struct TaskName: KernelStruct {
  public static let kernelName = "task_struct"
  public let pid = Member<UInt32>("pid")
  /// TASK_COMM_LEN is 16.
  public let comm = Member<String>("comm", size: 16)

  public init() {}
}
