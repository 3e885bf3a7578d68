import GuestScopeGuestMemory
import GuestScopeKernelTasks
import GuestScopeLinuxKernel

/// What runs, and what does not, as a report reads it.
struct TaskReading {
  /// Nil for a kernel that does not show its tasks.
  var list: TaskList?
  /// What each CPU executes, by its number, and what that is called.
  var executions: [Int: VCPUExecution] = [:]
  var names: SymbolNames
}

extension Session {
  /// Reads the tasks, in stops of its own, for there may be many, so that the rest of a report is of
  /// one instant; what CPUs execute is of that of their run queues.
  func readTasks() throws -> Snapshot<TaskReading> {
    let snapshot = try ofThisBoot { kernel in
      let tasks = try? KernelTasks(kernel)
      let registers = kernel.executionRegisters(try engine)
      let vcpus = registers.isEmpty ? nil : kernel.allVCPUs(try engine)
      return try walk(kernel, vcpus: vcpus, registers: registers) { walk throws(ReadFault) in
        guard let tasks else { return nil as TaskList? }
        return try walk.ifKnown(tasks.list(in: walk))
      }
    }
    let kernel = try kernel
    let executions = kernel.executions(in: snapshot.registers)
    let names = symbolNames(of: executions.values.map(\.instruction), in: kernel)
    return snapshot.map { TaskReading(list: $0, executions: executions, names: names) }
  }
}
