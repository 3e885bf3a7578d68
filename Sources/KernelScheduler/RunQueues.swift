import GuestScopeGuestMemory
import GuestScopeKernelTasks
import GuestScopeLinuxKernel

/// All CPUs, and what the whole system waits for.
public struct RunQueues: Sendable {
  public var cpus: [RunQueue]
  /// Nil for a kernel without CONFIG_PSI, and where it is off.
  public var pressure: [Pressure]?
}

extension Walk {
  /// Reads the run queues of all possible CPUs.
  ///
  /// - Throws: `Unreadable.Reason.lacking` for a kernel that does not show them.
  public func runQueues() throws(ReadFault) -> RunQueues {
    let queues = try copies(of: symbol("runqueues"), as: RunQueueNumbers.self)
    let (times, counts, ticks, names) = try view.together(
      copies(of: symbol("kernel_cpustat"), as: KernelCPUStat.self),
      copies(of: symbol("kstat"), as: KernelStat.self), tickScheds(), softirqNames())
    let (current, pressure, ownInterrupts) = try view.together(
      view.each(queues) { queue throws(ReadFault) in try queue.object.current },
      systemPressure(), interruptsOfCPUs())
    let cpus = queues.indices.compactMap { index -> RunQueue? in
      // A CPU without an idle task has not come up yet.
      guard let task = current[index] else { return nil }
      let (queue, cpu) = (queues[index].object, queues[index].cpu.id)
      let count = counts[index].object
      return RunQueue(
        cpu: cpu, clock: queue.clock, running: queue.running, fair: queue.fair,
        realTime: queue.realTime.value, deadline: queue.deadline,
        ext: queue.scxRunning.map(UInt64.init), switches: queue.switches,
        current: RunningTask(cpu: cpu, pid: task.pid, comm: task.comm),
        currentClass: kernel.schedulingClasses[task.schedClass.rawValue], scx: queue.scx,
        statistics: queue.statistics,
        times: times[index].object.cpustat.enumerated().map { number, time in
          (kernel.cpuTimeNames[UInt32(number)] ?? "\(number)", time)
        },
        idle: ticks?[index].idle, ioWait: ticks?[index].ioWait,
        interrupts: count.irqs &+ (ownInterrupts?[index] ?? 0),
        softirqs: count.softirqs.enumerated().map { number, count in
          (number < names.count ? names[number] : "\(number)", count)
        })
    }
    return RunQueues(cpus: cpus, pressure: pressure)
  }
}
