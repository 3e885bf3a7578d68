import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// What a CPU is at, and the calls that it is in.
public struct CPUStack: Hashable, Sendable {
  public enum Mode: String, Hashable, Sendable {
    case kernel, user
    /// In no code of this kernel: in a crash kernel, in firmware.
    case elsewhere
  }

  /// The kernel's number of it; that of the vCPU where this kernel does not show which CPU that is.
  public var cpu: Int
  /// QEMU's number of it.
  public var vcpu: Int
  public var mode: Mode
  /// The task that it runs, 0 for one that is idle; nil where this kernel does not show it.
  public var pid: UInt32?
  public var comm: String?
  public var execution: VCPUExecution
  public var stack: KernelStack
}

/// Registers of vCPUs, and why one is missing.
public typealias RegisterValues = [RegisterKey: Result<UInt64, Absence>]

extension KernelStacks {
  /// The registers that lead to the stack of a vCPU.
  public static func registers(
    of vcpu: Int, in kernel: GuestKernel
  ) -> [RegisterKey] {
    let names =
      switch kernel.architecture {
      case .x86: ["rsp", "rbp", "r10", "r13", "rdi", "rdx", "rax"]
      case .arm64: ["sp", "x29", "x30", "SP_EL0"]
      }
    let liveness = kernel.livenessRegisters(of: [vcpu])
    let own = (names + kernel.executionRegisters).map { RegisterKey(cpu: vcpu, name: $0) }
    return own.filter { !liveness.contains($0) } + liveness
  }

  /// The stacks of vCPUs, in the order of their numbers.
  ///
  /// - Parameters:
  ///   - vcpus: by QEMU's numbers.
  ///   - guess: registers of an instant before, where a walk whose bytes are of many instants
  ///     begins. The answer is made of those of the snapshot.
  public func stacks(
    ofVCPUs vcpus: [Int], guess: RegisterValues, in walk: Walk
  ) throws(ReadFault) -> [CPUStack] {
    let values = walk.view.registers.isEmpty ? guess : walk.view.registers
    let cpus = try walk.ifKnown(walk.cpus) ?? []
    let stacks = try walk.view.each(vcpus) { vcpu throws(ReadFault) in
      let key = ObjectKey("stack of vCPU", id: UInt64(vcpu), at: KernelVirtualAddress(0))
      return try walk.view.object(key) { () throws(ReadFault) in
        try stack(ofVCPU: vcpu, values, cpus, in: walk)
      }
    }
    return stacks.compactMap { $0 }
  }

  private func stack(
    ofVCPU vcpu: Int, _ values: RegisterValues, _ cpus: [CPU], in walk: Walk
  ) throws(ReadFault) -> CPUStack {
    func register(_ names: String...) -> UInt64? {
      names.lazy.compactMap { try? values[RegisterKey(cpu: vcpu, name: $0)]?.get() }.first
    }
    let cpu = walk.kernel.cpu(ofVCPU: vcpu, values, among: cpus)
    guard let execution = walk.kernel.execution(ofVCPU: vcpu, in: values),
      let sp = register("rsp", "sp"), let fp = register("rbp", "x29")
    else {
      throw .unreadable(
        Unreadable(.lacking("QEMU did not report the registers of vCPU \(vcpu)"), at: 0))
    }
    var found = CPUStack(
      cpu: cpu?.id ?? vcpu, vcpu: vcpu, mode: .kernel, execution: execution,
      stack: KernelStack([], .outermost))
    guard cpus.isEmpty || cpu != nil else {
      found.mode = .elsewhere
      found.stack = KernelStack([], .none("it is in another kernel, in firmware, or not started"))
      return found
    }
    let isUser = execution.instruction >> 63 == 0
    let current = try current(
      on: cpu, pointer: isUser ? nil : register("SP_EL0"), in: walk)
    if let current { (found.pid, found.comm) = (current.pid, current.comm) }
    if isUser {
      found.mode = .user
      found.stack = KernelStack([], .none("it is in user mode"))
      return found
    }
    let (own, others) = try walk.view.together(
      current.map { task throws(ReadFault) in
        try walk.stack(of: try task.read(as: StackOwner.self), table)
      }, cpu.map { cpu throws(ReadFault) in try walk.stacks(of: cpu) })
    var start = UnwindState(
      pc: execution.instruction, sp: sp, fp: fp, isInterrupted: true)
    if let r10 = register("r10"), let r13 = register("r13"), let di = register("rdi"),
      let dx = register("rdx"), let ax = register("rax")
    {
      start.others = OtherRegisters(r10: r10, r13: r13, di: di, dx: dx, ax: ax)
    }
    start.doubtful = register("x30").map(walk.kernel.withoutPAC)
    let areas = [own ?? nil].compactMap { $0 } + (others ?? [])
    // The next moment may find the CPU elsewhere on its stack.
    for area in areas where area.contains(sp) {
      try walk.view.prefetch(
        at: KernelVirtualAddress(area.range.lowerBound), count: area.range.count)
    }
    var stackWalk = StackWalk(walk, unwinder(walk), areas, of: current?.address)
    found.stack = try walk.named(try stackWalk.frames(from: start))
    return found
  }

  /// The task that a CPU runs.
  ///
  /// - Parameter pointer: where its register says that it is, on arm64.
  private func current(
    on cpu: CPU?, pointer: UInt64?, in walk: Walk
  ) throws(ReadFault) -> KernelObject<TaskName>? {
    let queue = try cpu.map { cpu throws(ReadFault) in
      try walk.ifKnown(
        walk.read(CurrentOfQueue.self, at: cpu.address(of: walk.symbol("runqueues"))).current)
    }
    if let task = queue ?? nil { return task }
    return try pointer.map { pointer throws(ReadFault) in
      try walk.read(TaskName.self, at: KernelVirtualAddress(pointer))
    }
  }
}
