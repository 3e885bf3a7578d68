import GuestScopeGuestMemory
import Testing

@testable import GuestScopeLinuxKernel

struct VCPUExecutionTests {
  private func execution(
    _ rules: any KernelArchitecture, _ values: [String: UInt64]
  ) -> VCPUExecution? {
    let registers = values.map { (RegisterKey(cpu: 0, name: $0), $1) }
    return rules.execution(
      VCPURegisters(of: 0, in: Dictionary(uniqueKeysWithValues: registers))
    ).map(VCPUExecution.init)
  }

  @Test func flagsSayWhetherInterruptsAreTaken() {
    #expect(
      execution(X86Architecture(), ["rip": 0x1000, "eflags": 0x202])
        == VCPUExecution(instruction: 0x1000, takesInterrupts: true))
    #expect(
      execution(X86Architecture(), ["rip": 0x1000, "eflags": 0x2])
        == VCPUExecution(instruction: 0x1000, takesInterrupts: false))
    #expect(
      execution(Arm64Architecture(), ["pc": 0x1000, "cpsr": 0x6000_0005])
        == VCPUExecution(instruction: 0x1000, takesInterrupts: true))
    #expect(
      execution(Arm64Architecture(), ["pc": 0x1000, "cpsr": 0x6000_00c5])
        == VCPUExecution(instruction: 0x1000, takesInterrupts: false))
    #expect(execution(X86Architecture(), ["rip": 0x1000]) == nil)
  }

  /// Nothing of the vector has been executed yet: what was interrupted is what the vCPU is at.
  @Test(arguments: ["_EL1", "_EL2"])
  func whatAnInterruptHasInterruptedIsExecuted(level: String) {
    var values: [String: UInt64] = [
      "pc": 0xffff_8000_0801_0280, "cpsr": 0x6000_03c5, "HCR_EL2": level == "_EL2" ? 1 << 34 : 0,
      "VBAR" + level: 0xffff_8000_0801_0000, "ELR" + level: 0xffff_8000_0812_3450,
      "SPSR" + level: 0x6000_0005,
    ]
    let interrupted = VCPUExecution(
      instruction: 0xffff_8000_0812_3450, takesInterrupts: true)
    #expect(execution(Arm64Architecture(), values) == interrupted)
    // One instruction later the handler runs.
    values["pc"]! += 4
    #expect(execution(Arm64Architecture(), values)?.instruction == 0xffff_8000_0801_0284)
    #expect(execution(Arm64Architecture(), values)?.takesInterrupts == false)
    // No vector starts after the sixteenth.
    values["pc"] = 0xffff_8000_0801_0800
    #expect(execution(Arm64Architecture(), values)?.instruction == 0xffff_8000_0801_0800)
    values["pc"] = 0xffff_8000_0801_0480
    #expect(execution(Arm64Architecture(), values) == interrupted)
    values["ELR" + level] = nil
    #expect(execution(Arm64Architecture(), values)?.instruction == 0xffff_8000_0801_0480)
  }
}
