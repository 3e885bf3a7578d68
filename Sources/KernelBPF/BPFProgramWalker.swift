import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// Reads the programs of `prog_idr`, as `bpf_prog_get_info_by_fd()` of kernel/bpf/syscall.c does.
public struct BPFProgramWalker: Sendable {
  public var layout: BPFLayout
  public var idr: IDR

  public init(_ layout: BPFLayout, programs: KernelVirtualAddress) {
    self.layout = layout
    idr = IDR(at: programs, layout.idr)
  }

  /// A corrupted program may claim any number of maps or functions; the verifier's own limits are
  /// MAX_USED_MAPS (64) and BPF_MAX_SUBPROGS (256).
  private static let listLimit = 4096

  /// What an id of `prog_idr` leads to.
  public enum Found: Sendable {
    case program(BPFProgram)
    /// A program of a type that the query does not ask for.
    case otherType
  }

  /// The programs that a query asks for, by ascending id, and the others among them. One that is
  /// unreadable is left out, counted and named.
  public func programs(
    _ query: BPFProgramQuery, cpus: [CPU], in view: MemoryView
  ) throws(ReadFault) -> [Found] {
    try idr.compactMap(id: query.id, in: view) { entry throws(ReadFault) in
      let key = ObjectKey("program", id: entry.index, at: entry.pointer)
      return try view.object(key) { () throws(ReadFault) in
        try read(entry, query, cpus, view)
      }
    }
  }

  private func read(
    _ entry: XArray.Entry, _ query: BPFProgramQuery, _ cpus: [CPU], _ view: MemoryView
  ) throws(ReadFault) -> Found {
    let head = try ProgramHead(entry.pointer, layout.program, query, view)
    guard query.type == nil || query.type == head.type else { return .otherType }
    var program = BPFProgram(id: entry.index, type: head.type, name: "")
    let aux = try view.gather { () throws(ReadFault) in
      if query.wantsRuntime, let stats = head.stats {
        program.perCPU = try records(stats, cpus, view)
      }
      return try ProgramAuxiliary(head.aux, layout.auxiliary, query, view)
    }
    // A program that was freed under us is no answer: its aux is its own, and has its id.
    // Discovery, whose bytes are of many instants, goes on all the same.
    if view.isSnapshot {
      if let owner = aux.program, owner != entry.pointer {
        throw .corrupt("bpf_prog_aux of another program", at: head.aux)
      }
      if let id = aux.id, UInt64(id) != entry.index {
        throw .corrupt("bpf_prog_aux with another id", at: head.aux)
      }
    }
    program.name = aux.name
    program.verifiedInstructions = aux.verifiedInstructions
    try view.gather { () throws(ReadFault) in
      if query.wantsRuntime, head.stats == nil, let stats = aux.stats {
        program.perCPU = try records(stats, cpus, view)
      }
      if query.wantsDetails { program.details = try details(head, aux, view) }
    }
    if query.wantsRuntime {
      let none = RunCounters(cnt: 0, nsecs: 0, misses: layout.statistics.misses.map { _ in 0 })
      program.runtime = program.perCPU.reduce(none) { $0 + $1.counters }
    }
    return .program(program)
  }

  private func records(
    _ stats: KernelVirtualAddress, _ cpus: [CPU], _ view: MemoryView
  ) throws(ReadFault) -> [(cpu: Int, counters: RunCounters)] {
    try cpus.map { cpu throws(ReadFault) in
      (cpu.id, try layout.statistics.read(at: cpu.address(of: stats), in: view))
    }
  }

  // MARK: What other structures say

  private func details(
    _ head: ProgramHead, _ aux: ProgramAuxiliary, _ view: MemoryView
  ) throws(ReadFault) -> BPFProgram.Details {
    BPFProgram.Details(
      tag: head.tag, isGPLCompatible: head.isGPLCompatible, loadTime: aux.loadTime,
      uid: try member(layout.uid, of: aux.user, view),
      translatedSize: head.translatedSize, jitedSize: try jitedSize(head, aux, view),
      mapIDs: try maps(aux, view),
      btfID: aux.btf?.rawValue == 0 ? 0 : try member(layout.btfID, of: aux.btf, view))
  }

  private func member(
    _ offset: Int?, of object: KernelVirtualAddress?, _ view: MemoryView
  ) throws(ReadFault) -> UInt32? {
    guard let offset, let object, object.rawValue != 0 else { return nil }
    return try view.u32(at: object + offset)
  }

  private func maps(_ aux: ProgramAuxiliary, _ view: MemoryView) throws(ReadFault) -> [UInt32]? {
    guard let maps = aux.usedMaps, let offset = layout.mapID else { return nil }
    return try view.branch { () throws(ReadFault) in
      try members(offset, of: maps, "maps", view)
    }
  }

  /// A program with subprograms is as long as they are together: it is the first of them.
  private func jitedSize(
    _ head: ProgramHead, _ aux: ProgramAuxiliary, _ view: MemoryView
  ) throws(ReadFault) -> Int? {
    guard let functions = aux.functions, functions.count > 0,
      let offset = layout.program.jitedLength
    else { return head.jitedLength }
    return try view.branch { () throws(ReadFault) in
      try members(offset, of: functions, "functions", view).reduce(0) { $0 + Int($1) }
    }
  }

  /// A 32-bit member of each object that an array of pointers leads to.
  private func members(
    _ offset: Int, of list: ProgramAuxiliary.List, _ what: String, _ view: MemoryView
  ) throws(ReadFault) -> [UInt32] {
    guard list.count > 0 else { return [] }
    guard list.count <= Self.listLimit else {
      throw .corrupt("a program with \(list.count) \(what)", at: list.array)
    }
    let pointers = try view.bytes(at: list.array, count: 8 * Int(list.count))
    return try view.gather { () throws(ReadFault) in
      try (0..<Int(list.count)).map { index throws(ReadFault) in
        try view.u32(at: KernelVirtualAddress(pointers.u64(at: 8 * index)!) + offset)
      }
    }
  }
}
