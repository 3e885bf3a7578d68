import GuestScopeGuestMemory
import GuestScopeKernelImage
import GuestScopeLinuxKernel

/// What the verifier counted for a program.
public struct VerifierStats: Hashable, Sendable {
  public var name: String
  /// Nil where the kernel does not keep it.
  public var verifiedInsns: UInt32?

  public init(name: String, verifiedInsns: UInt32?) {
    self.name = name
    self.verifiedInsns = verifiedInsns
  }
}

/// How often a program ran, over all CPUs.
public struct RuntimeStats: Hashable, Sendable {
  public var name: String
  public var counters: RunCounters

  public init(name: String, counters: RunCounters) {
    self.name = name
    self.counters = counters
  }
}

/// Access to a guest's struct_ops programs, however it came about.
public protocol StructOpsAccessor {
  /// The verifier's statistics of every struct_ops program, by ascending id.
  func structOpsProgs() throws(KernelError) -> Snapshot<[VerifierStats]>

  /// The runtime statistics of every struct_ops program, by ascending id.
  func structOpsRuntimeStats() throws(KernelError) -> Snapshot<[RuntimeStats]>
}

/// BPF_PROG_TYPE_STRUCT_OPS of include/uapi/linux/bpf.h: part of the kernel's ABI.
public let structOpsType: UInt32 = 27

/// From a kernel that was found, with offsets that the caller may have.
extension BPFPrograms: StructOpsAccessor {
  public func structOpsProgs() throws(KernelError) -> Snapshot<[VerifierStats]> {
    try verifierStats(type: structOpsType)
  }

  public func structOpsRuntimeStats() throws(KernelError) -> Snapshot<[RuntimeStats]> {
    try runtimeStats(type: structOpsType)
  }

  /// - Parameter type: a number of `enum bpf_prog_type`; nil for all programs.
  public func verifierStats(type: UInt32?) throws(KernelError) -> Snapshot<[VerifierStats]> {
    try list(BPFProgramQuery(type: type)).map { listing in
      listing.programs.map { VerifierStats(name: $0.name, verifiedInsns: $0.verifiedInstructions) }
    }
  }

  public func runtimeStats(type: UInt32?) throws(KernelError) -> Snapshot<[RuntimeStats]> {
    try list(BPFProgramQuery(type: type, runtime: true)).map { listing in
      listing.programs.compactMap { program in
        program.runtime.map { RuntimeStats(name: program.name, counters: $0) }
      }
    }
  }
}

extension BPFPrograms {
  /// Owns all it needs: from guest memory, a kernel file, and the registers of vCPU 0.
  ///
  /// - Parameter registers: `cr0`, `cr3`, `cr4`, `efer`, `rip`; nil to read them from the memory's
  ///   source.
  public convenience init(
    _ memory: any GuestMem, kernel image: KernelImage, registers: [RegisterKey: UInt64]? = nil
  ) throws(KernelError) {
    let engine = SnapshotEngine(memory)
    try self.init(try GuestKernel(image, in: engine, registers: registers), engine)
  }
}
