import GuestScopeGuestMemory
import GuestScopeKernelImage

/// A vCPU of a guest, and which kernel it is in.
///
/// They need not all be in one: after a crash with kdump one vCPU runs the crash kernel, and the
/// others stand still in the kernel that crashed.
public struct VCPU: Hashable, Sendable {
  public enum Place: Hashable, Sendable {
    /// In the kernel that was found.
    case kernel
    /// In another one. The release is nil where that one does not say it yet.
    case anotherKernel(release: String?, textBase: KernelVirtualAddress)
    /// In none that could be found: firmware, a boot loader, a guest of the guest. The text is a
    /// sentence.
    case noKernel(reason: String)
  }

  /// The vCPU's number from 0.
  public var id: Int
  public var place: Place
}

extension GuestKernel {
  /// True when a vCPU with these registers is in this kernel, in a process or in the kernel itself.
  /// A vCPU whose per-CPU base does not show it may be in it all the same: in its boot.
  func isIn(_ registers: VCPURegisters) -> Bool {
    architecture.rules.isAlive(registers, cpus: cpus, tables: addressSpace.tables)
  }

  /// False when registers show that a vCPU is not in this kernel: its addresses are not this one's.
  public func mayBeIn(
    _ cpu: Int, _ registers: [RegisterKey: Result<UInt64, Absence>]
  ) -> Bool {
    let registers = registers.compactMapValues { try? $0.get() }
    return cpus.isEmpty || isIn(VCPURegisters(of: cpu, in: registers))
  }

  /// Which of the kernel's CPUs a vCPU is; nil where its registers show none.
  public func cpu(
    ofVCPU vcpu: Int, _ registers: [RegisterKey: Result<UInt64, Absence>], among cpus: [CPU]
  ) -> CPU? {
    let values = registers.compactMapValues { try? $0.get() }
    let bases = architecture.rules.perCPUBases(VCPURegisters(of: vcpu, in: values))
    return cpus.first { bases.contains($0.offset) }
  }

  /// Registers of vCPUs that show whether they are in this kernel; of those that were not, in
  /// `vcpus`, also those that say where they are instead.
  public func livenessRegisters(of cpus: some Sequence<Int>) -> [RegisterKey] {
    let rules = architecture.rules
    let elsewhere = Set(vcpus.filter { $0.place != .kernel }.map(\.id))
    return cpus.flatMap { cpu in
      let names =
        rules.livenessRegisters + (elsewhere.contains(cpu) ? rules.locatingRegisters : [])
      return names.map { RegisterKey(cpu: cpu, name: $0) }
    }
  }

  /// Each vCPU and the kernel that it is in.
  ///
  /// - Parameters:
  ///   - registers: those of `livenessRegisters(of:)`. Where they do not show a vCPU to be in this
  ///     kernel, more is read: that is of another instant.
  ///   - facts: those that this kernel was found with.
  public func vcpus(
    _ registers: [RegisterKey: Result<UInt64, Absence>], _ facts: any KernelFactsSource,
    in engine: SnapshotEngine
  ) throws(KernelError) -> [VCPU] {
    let all = VCPURegisters.all(in: registers)
    let shown = Set(all.filter(isIn).map(\.cpu))
    let isEnough = (0..<engine.memory.cpuCount).allSatisfy { cpu in
      shown.contains(cpu)
        || architecture.rules.locatingRegisters.allSatisfy {
          registers[RegisterKey(cpu: cpu, name: $0)] != nil
        }
    }
    // A guide of its own: what earlier searches read is of the past.
    var search = KernelSearch(facts, engine.afresh(), known: self)
    if isEnough { try search.look(at: all) } else { try search.lookAtAll() }
    return search.vcpus(of: 0)
  }
}
