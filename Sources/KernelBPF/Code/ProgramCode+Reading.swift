import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

extension BPFObjects {
  /// The code of programs, by their ascending ids.
  public func code(_ query: ProgramCodeQuery) throws(KernelError) -> Snapshot<[ProgramCode]> {
    let table = try IDTable<BPFProgStruct>.prepared(for: kernel)
    try kernel.require(BPFProgCode.self, BPFProgAuxCode.self)
    return try snapshot { walk throws(ReadFault) in
      let reader = ProgramReader(walk: walk, query: query.programs)
      let list = try table.list(query.programs.objects, in: walk) { prog throws(ReadFault) in
        let aux = try prog.aux
        guard query.isWanted(UInt64(aux.id), try aux.fullName()) else { return nil as ProgramCode? }
        let (program, code, maps) = try walk.view.together(
          reader.read(prog), prog.storedCode(id: aux.id), prog.usedMaps())
        return ProgramCode(
          program: program,
          instructions: StoredInstructions.naming(maps, in: code.instructions),
          functions: code.source.functions, lines: SourceLines(code.source.lines),
          names: code.names,
          isBlinded: code.isBlinded)
      }
      return list.objects.compactMap { $0 }
    }
  }
}

/// What of a program's code never changes while it lives.
struct StoredCode: Sendable {
  /// With the addresses of maps in them.
  var instructions: [BPFInstruction]
  var source: ProgramSource
  var names: CallNames
  var isBlinded: Bool
}

extension KernelObject<BPFProgStruct> {
  fileprivate func storedCode(id: UInt32) throws(ReadFault) -> StoredCode {
    let key = ObjectKey("code of program", id: UInt64(id), at: address)
    return try view.constant(key) { () throws(ReadFault) in
      try read(as: BPFProgCode.self).storedCode()
    }
  }

  fileprivate func usedMaps() throws(ReadFault) -> [UsedMap] {
    let aux = try walk.read(BPFProgAuxMaps.self, at: try self.aux.address)
    return try view.each(try aux.usedMaps ?? []) { map throws(ReadFault) in
      UsedMap(id: map.id, address: map.address.rawValue, value: try map.reachableValue())
    }
  }
}

extension KernelObject<BPFProgCode> {
  func storedCode() throws(ReadFault) -> StoredCode {
    let (stored, functions, source) = try view.together(
      storedInstructions(), machineFunctions(try self.aux), source())
    let calls = kernel.calls
    let instructions = StoredInstructions(
      functionStarts: source.starts.isEmpty ? functions.starts : source.starts,
      interpreters: calls.interpreters
    ).withoutInternals(stored)
    return StoredCode(
      instructions: instructions, source: source,
      names: try walk.names(of: instructions, functions.code, calls),
      isBlinded: self.blinded ?? false)
  }

  private func storedInstructions() throws(ReadFault) -> [BPFInstruction] {
    let size = Int(self.len) * BPFInstruction.size
    // `pages` is what the structure was allocated with, its instructions included.
    guard let start = address(of: \.insnsi), size <= Int(self.pages) * kernel.pageSize else {
      throw .corrupt(
        "a program of \(self.len) instructions in \(self.pages) pages", at: address)
    }
    return BPFInstruction.all(in: try view.bytes(at: start, count: size))
  }

  /// As BPF_OBJ_GET_INFO_BY_FD reports them: one for a program without subprograms.
  private func machineFunctions(
    _ aux: KernelObject<BPFProgAuxCode>
  ) throws(ReadFault) -> (code: [MachineFunction], starts: [Int]) {
    let functions = try aux.functions ?? []
    let own = MachineFunction(address: self.bpfFunc.rawValue, name: aux.ksymName ?? "")
    guard !functions.isEmpty else { return ([own], []) }
    // The first is the program itself, and only the program's own symbol is filled in.
    let others = try view.each(functions.dropFirst()) { function throws(ReadFault) in
      MachineFunction(
        address: function.bpfFunc.rawValue, name: try function.aux.ksymName ?? "")
    }
    let starts = functions.reduce(into: [0]) { $0.append($0.last! + Int($1.len)) }
    return ([own] + others, starts.dropLast())
  }
}

/// Machine code of a program, or of a subprogram.
private struct MachineFunction: Sendable {
  var address: UInt64
  /// Empty where it has no symbol.
  var name: String
}

extension Walk {
  /// - Parameter functions: the program's own.
  fileprivate func names(
    of instructions: [BPFInstruction], _ functions: [MachineFunction], _ calls: KernelCalls
  ) throws(ReadFault) -> CallNames {
    var names = CallNames()
    names.base = calls.base
    names.helpers = calls.helpers
    names.functions = functions.map(\.address)
    for function in functions where !function.name.isEmpty {
      names.symbols[function.address] = function.name
    }
    let targets = instructions.filter { $0.code == BPFCode.call }.map(names.target)
    var outside: Set<UInt64> = []
    for target in targets where names.symbols[target] == nil {
      if let name = kernel.function(at: target)?.name {
        names.symbols[target] = name
      } else {
        outside.insert(target)
      }
    }
    // Functions of modules, and programs that were replaced by others.
    let found = try view.each(outside.sorted()) { target throws(ReadFault) in
      try loadedSymbol(at: KernelVirtualAddress(target))
    }
    for case let symbol? in found where outside.contains(symbol.address.rawValue) {
      names.symbols[symbol.address.rawValue] = symbol.name
    }
    return names
  }
}
