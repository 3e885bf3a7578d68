import GuestScopeGuestMemory
import GuestScopeKernelStacks
import GuestScopeKernelTasks

/// The stacks that a report shows: of what runs, and of what does not and should.
struct ReportStacks {
  var cpus: [CPUStack] = []
  var tasks: [UInt32: KernelStack] = [:]
  var unreadable: [UnreadableObject] = []
  var stops = 0
  /// Why there are none.
  var failure: (any Error)?

  /// What a CPU has shown, if it runs the same task as a moment before.
  func cpu(of task: RunningTask) -> CPUStack? {
    cpus.first { $0.cpu == task.cpu && $0.pid ?? task.pid == task.pid }
  }
}

extension Session {
  /// - Parameter pids: of the tasks whose stacks are wanted besides those of the CPUs.
  func readStacks(of pids: Set<UInt64>) throws -> ReportStacks {
    var read = ReportStacks()
    do {
      let cpus = try cpuStacks()
      (read.cpus, read.unreadable, read.stops) = (cpus.stacks, cpus.unreadable, cpus.stops)
      guard !pids.isEmpty else { return read }
      let tasks = try taskStacks(of: pids)
      read.tasks = Dictionary(
        tasks.value.map { ($0.task.pid, $0.stack) }, uniquingKeysWith: { first, _ in first })
      read.unreadable += tasks.unreadable
      read.stops += tasks.stops
    } catch let error as any GuestFailure where !error.isOfConnection {
      read.failure = error
    }
    return read
  }
}

extension CPUStack {
  /// A CPU in its idle loop has nothing to show.
  var linesToShow: [String] {
    let isPlain = stack.isWhole && stack.frames.allSatisfy { $0.area == .task }
    return pid == 0 && isPlain ? [] : stack.lines
  }
}
