import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport

@testable import GuestScopeKernelTasks

extension TaskGuest {
  func kernel(_ engine: SnapshotEngine) throws -> GuestKernel {
    try GuestKernel(try guest.image(), in: engine)
  }

  static func list(
    _ kernel: GuestKernel, _ engine: SnapshotEngine
  ) throws -> Snapshot<TaskList> {
    let tasks = try KernelTasks(kernel)
    return try kernel.snapshot(engine) { walk throws(ReadFault) in try tasks.list(in: walk) }
  }

  func list() throws -> Snapshot<TaskList> {
    let engine = SnapshotEngine(guest.memory)
    return try Self.list(try kernel(engine), engine)
  }
}
