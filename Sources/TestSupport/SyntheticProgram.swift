import GuestScopeBytes
import GuestScopeGuestMemory

/// A BPF program of a synthetic guest, as the guest means it.
public struct SyntheticProgram {
  public var id: UInt64
  public var type: UInt32 = 27
  public var name: [UInt8]
  public var verifiedInstructions: UInt32 = 0
  /// One record a CPU.
  public var counters: [(cnt: UInt64, nsecs: UInt64, misses: UInt64)] = []
  public var tag: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
  public var isGPLCompatible = true
  public var length: UInt32 = 10
  public var jitedLength: UInt32 = 100
  /// Of each function where there are subprograms; the first is the program itself.
  public var functions: [UInt32] = []
  public var mapIDs: [UInt32] = []
  public var uid: UInt32? = 0
  public var btfID: UInt32?
  public var loadTime: UInt64 = 5_000_000_000

  public init(id: UInt64, name: String) {
    self.id = id
    self.name = Array(name.utf8)
  }

  /// Where the pieces of a program are in the guest.
  public struct Places {
    public var program: UInt64
    public var head: PhysicalAddress
    public var aux: PhysicalAddress
    public var records: [PhysicalAddress]
    public var statsPointer: UInt64
  }
}

extension SyntheticGuest {
  /// Lays a program out, `bpf_prog` in vmalloc memory as the kernel does; `writeIDR` links it.
  @discardableResult
  public func add(_ program: SyntheticProgram) -> SyntheticProgram.Places {
    let (virtual, pages) = vmalloc(pages: 1)
    let head = pages[0]
    let aux = ram.allocate(512)
    let (stats, records) = perCPU(32)
    programs[program.id] = virtual
    func write<T: FixedWidthInteger & BitwiseCopyable>(
      _ value: T, _ object: PhysicalAddress, _ member: String
    ) {
      guard types.has(member) else { return }
      ram.write(value, at: object + types[member])
    }
    write(program.type, head, "bpf_prog.type")
    write(direct(aux), head, "bpf_prog.aux")
    write(stats, head, "bpf_prog.stats")
    write(program.length, head, "bpf_prog.len")
    write(program.jitedLength, head, "bpf_prog.jited_len")
    if types.has("bpf_prog.tag") { ram.write(program.tag, at: head + types["bpf_prog.tag"]) }
    write(UInt16(program.isGPLCompatible ? 0b101 : 0b001), head, "bpf_prog.jited")
    write(UInt32(program.id), aux, "bpf_prog_aux.id")
    write(virtual, aux, "bpf_prog_aux.prog")
    ram.write(program.name, at: aux + types["bpf_prog_aux.name"])
    write(program.verifiedInstructions, aux, "bpf_prog_aux.verified_insns")
    write(stats, aux, "bpf_prog_aux.stats")
    write(program.loadTime, aux, "bpf_prog_aux.load_time")
    if let uid = program.uid { write(object("user_struct.uid", uid), aux, "bpf_prog_aux.user") }
    if let btfID = program.btfID { write(object("btf.id", btfID), aux, "bpf_prog_aux.btf") }
    write(UInt32(program.mapIDs.count), aux, "bpf_prog_aux.used_map_cnt")
    write(array(program.mapIDs.map { object("bpf_map.id", $0) }), aux, "bpf_prog_aux.used_maps")
    write(UInt32(program.functions.count), aux, "bpf_prog_aux.func_cnt")
    write(
      array(program.functions.map { object("bpf_prog.jited_len", $0) }), aux, "bpf_prog_aux.func")
    for (record, counters) in zip(records, program.counters) {
      write(counters.cnt, record, "bpf_prog_stats.cnt")
      write(counters.nsecs, record, "bpf_prog_stats.nsecs")
      write(counters.misses, record, "bpf_prog_stats.misses")
    }
    return .init(
      program: virtual, head: head, aux: aux, records: records, statsPointer: stats)
  }

  /// A struct of which only one 32-bit member matters.
  private func object(_ member: String, _ value: UInt32) -> UInt64 {
    let address = ram.allocate(256)
    if types.has(member) { ram.write(value, at: address + types[member]) }
    return direct(address)
  }

  private func array(_ pointers: [UInt64]) -> UInt64 {
    guard !pointers.isEmpty else { return 0 }
    let address = ram.allocate(8 * pointers.count)
    for (index, pointer) in pointers.enumerated() { ram.write(pointer, at: address + 8 * index) }
    return direct(address)
  }
}
