import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// A BPF program as the kernel keeps it. Nil: this kernel does not keep it, or it was not asked for.
public struct BPFProgram: Sendable {
  public var id: UInt64
  /// Of its `struct bpf_prog`.
  public var address: KernelVirtualAddress
  /// A number of `enum bpf_prog_type`.
  public var type: UInt32
  /// The word of bpftool: `struct_ops`; nil for a type that this kernel has no name for.
  public var typeName: String?
  /// As bpftool shows it, empty for a program without a name; invalid UTF-8 is replaced.
  public var name: String
  public var verifiedInsns: UInt32?
  /// The sum over all CPUs, and each CPU's own; present when runtime statistics were asked for.
  public var runtime: RunCounters?
  public var perCPU: [(cpu: Int, counters: RunCounters)] = []
  public var details: Details?

  /// What `prog list` shows beyond names and statistics.
  public struct Details: Sendable {
    /// Eight bytes of the program's digest.
    public var tag: [UInt8]?
    public var isGPLCompatible: Bool?
    /// Nanoseconds since boot at which the program was loaded.
    public var loadTime: UInt64?
    /// The same in seconds of CLOCK_REALTIME; nil for no plausible time.
    public var loadedAt: UInt64?
    public var uid: UInt32?
    /// Bytes of BPF instructions after the verifier's rewriting, of machine code, and of memory
    /// that the program is charged for.
    public var xlatedBytes: Int?
    public var jitedBytes: Int?
    public var memlockBytes: Int?
    public var mapIDs: [UInt32]?
    /// 0 for a program without BTF.
    public var btfID: UInt32?
    /// The network device that the program was loaded for is gone.
    public var isOrphaned: Bool
    public var attachment: ProgramAttachment?
  }
}

extension BPFProgram {
  /// - Parameter bootTime: nanoseconds of CLOCK_REALTIME at boot.
  func dated(by bootTime: UInt64?) -> BPFProgram {
    guard let bootTime, let time = details?.loadTime else { return self }
    let (sum, overflow) = time.addingReportingOverflow(bootTime)
    var dated = self
    dated.details?.loadedAt = overflow || sum > BootTime.latest ? nil : sum / 1_000_000_000
    return dated
  }
}

/// Which programs to read, and how much of each. What is not asked for is not read.
public struct BPFProgramQuery: Hashable, Sendable {
  public var objects: ObjectQuery
  public var wantsRuntime = false
  public var wantsDetails = false

  public init(
    _ objects: ObjectQuery = ObjectQuery(), runtime: Bool = false, details: Bool = false
  ) {
    self.objects = objects
    self.wantsRuntime = runtime
    self.wantsDetails = details
  }
}

/// Reads a program as `bpf_prog_get_info_by_fd()` of kernel/bpf/syscall.c does.
struct ProgramReader {
  let walk: Walk
  let query: BPFProgramQuery

  func read(_ prog: KernelObject<BPFProgStruct>) throws(ReadFault) -> BPFProgram {
    let (aux, perCPU, parts) = try walk.view.together(
      prog.aux, query.wantsRuntime ? counters(prog.stats) : nil,
      query.wantsDetails ? detailedParts(of: prog) : nil)
    // The aux of a program that was freed under us is another's by now.
    if walk.isSnapshot, aux.prog != prog.address {
      throw .corrupt("bpf_prog_aux of another program", at: aux.address)
    }
    var program = BPFProgram(
      id: UInt64(aux.id), address: prog.address, type: prog.type,
      typeName: walk.kernel.programTypes[prog.type], name: "",
      verifiedInsns: aux.verifiedInsns)
    let (name, older, details) = try walk.view.together(
      aux.fullName(), query.wantsRuntime && perCPU == nil ? olderCounters(aux) : nil,
      details(prog, aux, parts))
    program.name = name
    program.details = details
    // A kernel that does not show its records has not run its programs 0 times.
    guard query.wantsRuntime, let records = perCPU ?? older else { return program }
    program.perCPU = records
    let countsMisses = try walk.has(\BPFProgStats.misses)
    let none = RunCounters(cnt: 0, nsecs: 0, misses: countsMisses ? 0 : nil)
    program.runtime = program.perCPU.reduce(none) { $0 + $1.counters }
    return program
  }

  private func counters(
    _ records: [(cpu: CPU, object: KernelObject<BPFProgStats>)]?
  ) -> [(cpu: Int, counters: RunCounters)]? {
    records?.map { cpu, stats in
      (cpu.id, RunCounters(cnt: stats.cnt, nsecs: stats.nsecs, misses: stats.misses))
    }
  }

  private func olderCounters(
    _ aux: KernelObject<BPFProgAux>
  ) throws(ReadFault) -> [(cpu: Int, counters: RunCounters)]? {
    counters(try aux.readLasting(as: BPFProgAuxStats.self).stats)
  }

  /// What `bpf_prog_aux` has for a list besides.
  private typealias DetailedParts = (
    made: KernelObject<BPFProgAuxMade>, usedMaps: KernelObject<BPFProgAuxUsedMaps>
  )

  /// Beside what every answer needs and not after it, for it is the same structure.
  private func detailedParts(
    of prog: KernelObject<BPFProgStruct>
  ) throws(ReadFault) -> DetailedParts? {
    guard let aux = prog.address(of: \.aux) else { return nil }
    let (made, count, known) = try walk.view.together(
      prog.readLasting(BPFProgAuxMade.self, at: aux),
      walk.read(BPFProgAuxMapCount.self, at: aux).usedMapCount,
      prog.readLasting(BPFProgAuxUsedMaps.self, at: aux))
    guard known.usedMapCount != count else { return (made, known) }
    return (made, try walk.read(BPFProgAuxUsedMaps.self, at: aux))
  }

  private func details(
    _ prog: KernelObject<BPFProgStruct>, _ aux: KernelObject<BPFProgAux>, _ parts: DetailedParts?
  ) throws(ReadFault) -> BPFProgram.Details? {
    guard let (made, usedMaps) = parts else { return nil }
    let isForDevice = made.offloadRequested == true || made.devBound == true
    let (uid, btf, functions, rest) = try walk.view.together(
      made.user?.uid, made.btf?.id, made.functions,
      walk.view.together(
        usedMaps.usedMaps, attachment(prog, aux, made),
        isForDevice ? aux.read(as: BPFProgAuxOffload.self).offload : nil))
    let (maps, attachment, device) = rest
    // Of a program with subprograms the lengths of all functions are summed; its own is the first.
    // Where nothing says whether it has any, the length of the first one would be a wrong sum.
    let lengths = functions?.compactMap { $0.jitedLen.map(Int.init) } ?? []
    return BPFProgram.Details(
      tag: prog.tag, isGPLCompatible: prog.gplCompatible, loadTime: aux.loadTime, uid: uid,
      // bpf_prog_insn_size(): an instruction is 8 bytes.
      xlatedBytes: prog.len.map { Int($0) * 8 },
      jitedBytes: lengths.isEmpty
        ? functions.flatMap { _ in prog.jitedLen.map { Int($0) } } : lengths.reduce(0, +),
      memlockBytes: prog.pages.map { Int($0) * walk.kernel.pageSize },
      mapIDs: maps?.map(\.id), btfID: made.has(\.btf) ? btf ?? 0 : nil,
      isOrphaned: isForDevice && device?.rawValue == 0, attachment: attachment)
  }
}
