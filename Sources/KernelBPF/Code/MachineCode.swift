import GuestScopeBTF
import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// The machine code that a program was compiled to.
public struct ProgramMachineCode: Sendable {
  public var program: BPFProgram
  /// The program itself first, then its subprograms; nil for a program that is interpreted.
  public var functions: [Function]?
  /// Names of what its calls and jumps lead to, by address.
  public var symbols: [UInt64: String]

  public struct Function: Sendable {
    /// `bpf_prog_0123456789abcdef_name`; its address in 16 digits where it has no symbol.
    public var name: String
    /// As bpftool writes it; nil where the types do not say it.
    public var prototype: String?
    public var address: UInt64
    public var bytes: [UInt8]
    /// The source that instructions are of, by their addresses.
    public var lines: SourceLines
  }
}

extension BPFObjects {
  /// The machine code of programs, by their ascending ids. Each function is of one instant: the
  /// kernel changes code while it runs, where tail calls and trampolines are attached.
  public func machineCode(
    _ query: ProgramCodeQuery
  ) throws(KernelError) -> Snapshot<[ProgramMachineCode]> {
    let table = try IDTable<BPFProgStruct>.prepared(for: kernel)
    try kernel.require(BPFProgCode.self, BPFProgAuxCode.self)
    return try snapshot { walk throws(ReadFault) in
      let reader = ProgramReader(walk: walk, query: query.programs)
      let list = try table.list(query.programs.objects, in: walk) { prog throws(ReadFault) in
        let aux = try prog.aux
        guard query.isWanted(UInt64(aux.id), try aux.fullName()) else {
          return nil as ProgramMachineCode?
        }
        let (program, source) = try walk.view.together(
          reader.read(prog), prog.machineSource(id: aux.id))
        return ProgramMachineCode(
          program: program,
          functions: try source.functions.map { functions throws(ReadFault) in
            try walk.code(of: functions, source)
          }, symbols: source.symbols)
      }
      return list.objects.compactMap { $0 }
    }
  }
}

/// What never changes of a program's machine code while it lives: all but the code.
private struct MachineSource: Sendable {
  struct Function: Sendable {
    var address: UInt64
    var length: Int
    var name: String
    var prototype: String?
  }

  /// Nil for a program that is interpreted.
  var functions: [Function]?
  /// By the addresses of the instructions; none where the compiler left none.
  var lines: [(place: UInt64, line: SourceLine)]
  var symbols: [UInt64: String]
}

extension KernelObject<BPFProgStruct> {
  fileprivate func machineSource(id: UInt32) throws(ReadFault) -> MachineSource {
    let key = ObjectKey("machine code of program", id: UInt64(id), at: address)
    return try view.constant(key) { () throws(ReadFault) in
      try read(as: BPFProgCode.self).machineSource(address)
    }
  }
}

extension KernelObject<BPFProgCode> {
  fileprivate func machineSource(
    _ program: KernelVirtualAddress
  ) throws(ReadFault) -> MachineSource {
    guard self.jited else { return MachineSource(functions: nil, lines: [], symbols: [:]) }
    let aux = try self.aux
    let (source, code) = try view.together(source(), storedCode())
    let functions = try aux.functions ?? []
    let lengths =
      functions.isEmpty ? [self.jitedLen] : functions.map { $0.jitedLen }
    var named: [MachineSource.Function] = []
    var rest = Self.mostMachineCode
    for (index, address) in code.names.functions.enumerated() where index < lengths.count {
      guard lengths[index] <= rest else {
        throw .corrupt("a program with too much machine code", at: program)
      }
      rest -= lengths[index]
      named.append(
        .init(
          address: address, length: Int(lengths[index]),
          name: code.names.symbols[address] ?? "0x" + address.paddedHex(16),
          prototype: index < source.functions.count ? source.functions[index].prototype : nil))
    }
    return MachineSource(
      functions: named,
      lines: Array(zip(try jitedLines(aux, count: source.lines.count), source.lines)),
      symbols: code.names.symbols)
  }

  /// The verifier lets a million instructions through; none takes 64 bytes.
  private static var mostMachineCode: UInt32 { 64 << 20 }

  /// The address of the machine code of each line of the source.
  private func jitedLines(
    _ aux: KernelObject<BPFProgAuxCode>, count: Int
  ) throws(ReadFault) -> [UInt64] {
    guard let array = aux.jitedLinfo, array.rawValue != 0, count > 0 else { return [] }
    let bytes = try view.bytes(at: array, count: 8 * count)
    return (0..<count).map { bytes.u64(at: 8 * $0)! }
  }
}

extension Walk {
  fileprivate func code(
    of functions: [MachineSource.Function], _ source: MachineSource
  ) throws(ReadFault) -> [ProgramMachineCode.Function] {
    let lines = Self.lines(source.lines, of: functions)
    let read = try view.each(functions) { function throws(ReadFault) in
      let start = KernelVirtualAddress(function.address)
      let key = ObjectKey("function", id: function.address, at: start)
      return try view.object(key) { () throws(ReadFault) in
        ProgramMachineCode.Function(
          name: function.name, prototype: function.prototype, address: function.address,
          bytes: try view.bytes(at: start, count: function.length),
          lines: SourceLines(lines[function.address] ?? []))
      }
    }
    return read.compactMap { $0 }
  }

  private typealias PlacedLine = (place: UInt64, line: SourceLine)

  /// The lines of each function, by its address.
  private static func lines(
    _ lines: [PlacedLine], of functions: [MachineSource.Function]
  ) -> [UInt64: [PlacedLine]] {
    let sorted = functions.sorted { $0.address < $1.address }
    return lines.reduce(into: [:]) { found, line in
      var (low, high) = (0, sorted.count)
      while low < high {
        let middle = (low + high) / 2
        if sorted[middle].address <= line.place { low = middle + 1 } else { high = middle }
      }
      guard low > 0, line.place - sorted[low - 1].address < UInt64(sorted[low - 1].length) else {
        return
      }
      found[sorted[low - 1].address, default: []].append(line)
    }
  }
}
