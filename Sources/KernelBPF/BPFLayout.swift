import GuestScopeBTF
import GuestScopeLinuxKernel

/// Where the members of the kernel's BPF structures are, in bytes. Nil: this kernel has no such
/// member, and what it would say is absent from answers.
public struct BPFLayout: Sendable {
  /// A bit-field or a plain member of one byte.
  public struct Flag: Hashable, Sendable {
    public var byte: Int
    public var bit: Int

    public init(byte: Int, bit: Int) {
      self.byte = byte
      self.bit = bit
    }
  }

  /// `struct bpf_prog` of include/linux/bpf.h (linux/filter.h before 5.17).
  public struct Program: Sendable {
    public var type: Int
    public var aux: Int
    /// Before 5.12 (commit 700d4796ef59) the statistics hang on `aux`.
    public var stats: Int?
    public var length: Int?
    public var jitedLength: Int?
    public var tag: Int?
    public var isGPLCompatible: Flag?

    public init(type: Int, aux: Int, stats: Int?) {
      self.type = type
      self.aux = aux
      self.stats = stats
    }
  }

  /// `struct bpf_prog_aux`.
  public struct Auxiliary: Sendable {
    public var id: Int?
    public var program: Int?
    public var name: Int
    public var nameSize: Int
    /// Since 5.16 (commit aba64c7da983).
    public var verifiedInstructions: Int?
    public var stats: Int?
    public var loadTime: Int?
    public var user: Int?
    public var usedMapCount: Int?
    public var usedMaps: Int?
    public var functionCount: Int?
    public var functions: Int?
    public var btf: Int?

    public init(name: Int, nameSize: Int = 16, verifiedInstructions: Int?, stats: Int? = nil) {
      self.name = name
      self.nameSize = nameSize
      self.verifiedInstructions = verifiedInstructions
      self.stats = stats
    }
  }

  /// `struct bpf_prog_stats`, one a CPU.
  public struct Statistics: Sendable {
    public var count: Int
    public var nanoseconds: Int
    /// Since 5.12 (commit 9ed9e9ba2337).
    public var misses: Int?

    public init(count: Int, nanoseconds: Int, misses: Int?) {
      self.count = count
      self.nanoseconds = nanoseconds
      self.misses = misses
    }
  }

  public var idr: IDR.Layout
  public var program: Program
  public var auxiliary: Auxiliary
  public var statistics: Statistics
  /// `user_struct.uid`, `bpf_map.id`, `btf.id`.
  public var uid: Int?
  public var mapID: Int?
  public var btfID: Int?

  public init(
    idr: IDR.Layout, program: Program, auxiliary: Auxiliary, statistics: Statistics
  ) {
    self.idr = idr
    self.program = program
    self.auxiliary = auxiliary
    self.statistics = statistics
  }
}

extension BPFLayout {
  /// Takes all offsets from a kernel's own types.
  ///
  /// - Throws: a `BTFError` that names the member when the kernel lacks one that every answer needs.
  public init(_ btf: BTF) throws(BTFError) {
    func offset(_ path: String, in type: BTF.TypeID) throws(BTFError) -> Int? {
      try btf.field(path, in: type)?.offset
    }
    func needed(_ path: String, in type: BTF.TypeID) throws(BTFError) -> Int {
      try btf.requiredField(path, in: type).offset
    }
    idr = try IDR.Layout(btf)
    let prog = try btf.structID("bpf_prog", having: ["type", "aux"])
    program = Program(
      type: try needed("type", in: prog), aux: try needed("aux", in: prog),
      stats: try offset("stats", in: prog))
    program.length = try offset("len", in: prog)
    program.jitedLength = try offset("jited_len", in: prog)
    program.tag = try offset("tag", in: prog)
    program.isGPLCompatible = try btf.field("gpl_compatible", in: prog).map { field in
      let bit = field.bits?.lowerBound ?? 0
      return Flag(byte: field.offset + bit / 8, bit: bit % 8)
    }
    let aux = try btf.structID("bpf_prog_aux", having: ["name", "id"])
    let name = try btf.requiredField("name", in: aux)
    // BPF_OBJ_NAME_LEN is 16.
    guard (1...64).contains(name.size) else {
      throw .badSize(name.size, path: "name", structName: "bpf_prog_aux")
    }
    auxiliary = Auxiliary(
      name: name.offset, nameSize: name.size,
      verifiedInstructions: try offset("verified_insns", in: aux),
      stats: program.stats == nil ? try needed("stats", in: aux) : nil)
    auxiliary.id = try offset("id", in: aux)
    auxiliary.program = try offset("prog", in: aux)
    auxiliary.loadTime = try offset("load_time", in: aux)
    auxiliary.user = try offset("user", in: aux)
    auxiliary.usedMapCount = try offset("used_map_cnt", in: aux)
    auxiliary.usedMaps = try offset("used_maps", in: aux)
    auxiliary.functionCount = try offset("func_cnt", in: aux)
    auxiliary.functions = try offset("func", in: aux)
    auxiliary.btf = try offset("btf", in: aux)
    let stats = try btf.structID("bpf_prog_stats", having: ["cnt", "nsecs"])
    statistics = Statistics(
      count: try needed("cnt", in: stats), nanoseconds: try needed("nsecs", in: stats),
      misses: try offset("misses", in: stats))
    uid = try btf.field("uid", of: "user_struct")?.offset
    mapID = try btf.field("id", of: "bpf_map")?.offset
    btfID = try btf.field("id", of: "btf")?.offset
  }
}
