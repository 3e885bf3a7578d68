import GuestScopeGuestMemory
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

/// Access to a guest's struct_ops programs.
public protocol StructOpsAccessor {
  /// The verifier's statistics of every struct_ops program, by ascending id.
  func structOpsProgs() throws(KernelError) -> Snapshot<[VerifierStats]>

  /// The runtime statistics of every struct_ops program, by ascending id.
  func structOpsRuntimeStats() throws(KernelError) -> Snapshot<[RuntimeStats]>
}

/// BPF_PROG_TYPE_STRUCT_OPS of include/uapi/linux/bpf.h: part of the kernel's ABI.
public let structOpsType: UInt32 = 27

extension BPFObjects: StructOpsAccessor {
  public func structOpsProgs() throws(KernelError) -> Snapshot<[VerifierStats]> {
    try verifierStats(type: structOpsType)
  }

  public func structOpsRuntimeStats() throws(KernelError) -> Snapshot<[RuntimeStats]> {
    try runtimeStats(type: structOpsType)
  }

  /// - Parameter type: a number of `enum bpf_prog_type`; nil for all programs.
  public func verifierStats(type: UInt32?) throws(KernelError) -> Snapshot<[VerifierStats]> {
    try programs(BPFProgramQuery(ObjectQuery(type: type))).map { listing in
      listing.objects.map { VerifierStats(name: $0.name, verifiedInsns: $0.verifiedInsns) }
    }
  }

  public func runtimeStats(type: UInt32?) throws(KernelError) -> Snapshot<[RuntimeStats]> {
    try programs(BPFProgramQuery(ObjectQuery(type: type), runtime: true)).map { listing in
      listing.objects.compactMap { program in
        program.runtime.map { RuntimeStats(name: program.name, counters: $0) }
      }
    }
  }
}
