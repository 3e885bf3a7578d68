import GuestScopeGuestMemory

/// What a CPU of the kernel executes at an instant, as the registers of its vCPU have it.
public struct VCPUExecution: Hashable, Sendable {
  /// The address of the instruction, of the kernel or of a process.
  public var instruction: UInt64
  /// False where the flag that masks interrupts is set: RFLAGS.IF on x86-64, PSTATE.I on arm64. It says
  /// nothing of NMIs, nor of the priority mask of arm64.
  public var takesInterrupts: Bool
}

extension GuestKernel {
  /// What a snapshot must have for `executions(in:)`; none where that is too much for the stop of an
  /// answer.
  public func executionRegisters(_ engine: SnapshotEngine) -> [RegisterKey] {
    guard let vcpus = allVCPUs(engine) else { return [] }
    return vcpus.flatMap { cpu in
      architecture.rules.executionRegisters.map { RegisterKey(cpu: cpu, name: $0) }
    }
  }

  /// By number of the CPU, which its per-CPU base gives: those whose vCPUs are in this kernel.
  ///
  /// - Parameter registers: those of `livenessRegisters(of:)` and of `executionRegisters(_:)`.
  public func executions(
    in registers: [RegisterKey: Result<UInt64, Absence>]
  ) -> [Int: VCPUExecution] {
    var executions: [Int: VCPUExecution] = [:]
    for vcpu in VCPURegisters.all(in: registers) {
      guard let execution = execution(of: vcpu),
        let cpu = cpus.first(where: {
          architecture.rules.isAlive(vcpu, cpus: [$0], tables: addressSpace.tables)
        })
      else { continue }
      executions[cpu.id] = execution
    }
    return executions
  }

  /// What a vCPU executes, in whatever kernel; nil where the source does not give its registers.
  ///
  /// - Parameter registers: those of `executionRegisters` among them.
  public func execution(
    ofVCPU vcpu: Int, in registers: [RegisterKey: Result<UInt64, Absence>]
  ) -> VCPUExecution? {
    execution(of: VCPURegisters(of: vcpu, in: registers.compactMapValues { try? $0.get() }))
  }

  /// The names of the registers that show what a vCPU executes.
  public var executionRegisters: [String] { architecture.rules.executionRegisters }

  private func execution(of vcpu: VCPURegisters) -> VCPUExecution? {
    architecture.rules.execution(vcpu).map { instruction, takesInterrupts in
      VCPUExecution(instruction: instruction, takesInterrupts: takesInterrupts)
    }
  }
}
