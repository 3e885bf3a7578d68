import GuestScopeGuestMemory
import GuestScopeKernelStacks
import GuestScopeLinuxKernel

/// Stacks of CPUs, from one stop where that was enough.
struct CPUStackReading {
  /// By the numbers of the CPUs.
  var stacks: [CPUStack] = []
  var unreadable: [UnreadableObject] = []
  var stops = 0
}

extension Session {
  /// The stacks of tasks, by ascending pid.
  ///
  /// - Parameter pids: those that are wanted; nil for all.
  func taskStacks(of pids: Set<UInt64>? = nil) throws -> Snapshot<[TaskStack]> {
    try ofThisBoot { kernel in
      let stacks = try KernelStacks(kernel)
      return try walk(kernel, waveLimit: KernelStacks.waveLimit) { walk throws(ReadFault) in
        try stacks.stacks(of: pids, in: walk)
      }
    }
  }

  /// The stacks of CPUs: all of one instant, or where the registers of all would be too much for one
  /// stop, each of its own.
  ///
  /// - Parameter wanted: the number of one CPU; nil for all.
  func cpuStacks(of wanted: Int? = nil) throws -> CPUStackReading {
    let source = try source
    let kernel = try kernel
    let keys = source.cpus.flatMap { KernelStacks.registers(of: $0, in: kernel) }
    let isShort = source.limits.admit(source.load(of: keys))
    // The kernel's numbers are mostly those of the vCPUs.
    let ordered = source.cpus.sorted { one, other in
      (one == wanted ? 0 : 1, one) < (other == wanted ? 0 : 1, other)
    }
    var reading = CPUStackReading()
    for vcpus in isShort && wanted == nil ? [ordered] : ordered.map({ [$0] }) {
      let snapshot = try cpuStacks(ofVCPUs: vcpus)
      reading.stacks += snapshot.value.filter { wanted == nil || $0.cpu == wanted }
      reading.unreadable += snapshot.unreadable
      reading.stops += snapshot.stops
      // One that is unreadable may be the one.
      if wanted != nil, !reading.stacks.isEmpty || !reading.unreadable.isEmpty { break }
    }
    reading.stacks.sort { ($0.cpu, $0.vcpu) < ($1.cpu, $1.vcpu) }
    return reading
  }

  private func cpuStacks(ofVCPUs vcpus: [Int]) throws -> Snapshot<[CPUStack]> {
    try ofThisBoot { kernel in
      let stacks = try KernelStacks(kernel)
      let keys = vcpus.flatMap { KernelStacks.registers(of: $0, in: kernel) }
      let guess = try engine.sample([], registers: keys).registers
      return try walk(kernel, registers: keys, waveLimit: KernelStacks.waveLimit) {
        walk throws(ReadFault) in
        try stacks.stacks(ofVCPUs: vcpus, guess: guess, in: walk)
      }
    }
  }
}
