import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// A BPF program as the kernel keeps it. Nil: this kernel does not keep it, or it was not asked for.
public struct BPFProgram: Sendable {
  public var id: UInt64
  /// A number of `enum bpf_prog_type`.
  public var type: UInt32
  /// At most 15 characters; invalid UTF-8 is replaced.
  public var name: String
  public var verifiedInstructions: UInt32?
  /// The sum over all CPUs, and each CPU's own; present when runtime statistics were asked for.
  public var runtime: RunCounters?
  public var perCPU: [(cpu: Int, counters: RunCounters)] = []
  public var details: Details?

  /// What `prog list` shows beyond names and statistics.
  public struct Details: Sendable {
    /// Eight bytes of the program's digest.
    public var tag: [UInt8]?
    public var isGPLCompatible: Bool?
    /// Nanoseconds since boot.
    public var loadTime: UInt64?
    public var uid: UInt32?
    /// Bytes of BPF instructions after the verifier's rewriting, and of machine code.
    public var translatedSize: Int?
    public var jitedSize: Int?
    public var mapIDs: [UInt32]?
    /// 0 for a program without BTF.
    public var btfID: UInt32?
  }
}

/// Which programs to read, and how much of each. What is not asked for is not read.
public struct BPFProgramQuery: Hashable, Sendable {
  /// A number of `enum bpf_prog_type`; nil for all.
  public var type: UInt32?
  public var id: UInt64?
  public var wantsRuntime = false
  public var wantsDetails = false
  /// Whether the kernel panicked, and the liveness registers of these vCPUs.
  public var wantsPanic = false
  public var vcpus: [Int]?

  public init(
    type: UInt32? = nil, id: UInt64? = nil, runtime: Bool = false, details: Bool = false
  ) {
    self.type = type
    self.id = id
    self.wantsRuntime = runtime
    self.wantsDetails = details
  }
}
