import ArgumentParser
import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeKernelImage
import GuestScopeLinuxKernel

/// `sym`: symbols by name or pattern, or the one that holds an address.
struct Sym: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "sym", abstract: "Symbols by name or pattern, or the nearest to an address.",
    discussion: """
      Types are those of /proc/kallsyms; [bpf] or the name of a module is after a symbol that is not \
      the kernel image's own, and its type is always a small letter. A name is looked for in the \
      image first. A per-CPU variable shows its value, to which each CPU \
      adds its offset; symbol@CPU shows the address of that CPU's copy.

      With -k alone, where no guest is named and nothing listens on port 1234, the file answers: with \
      the addresses that it was linked to, and without modules and BPF programs.
      """)

  @Argument(
    help: ArgumentHelp(
      "A name, a pattern of *, ? and [a-z], or an address: a number, symbol+offset or symbol@CPU.",
      valueName: "name|addr|glob"))
  var what: String
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static func nextWord(after words: [String]) -> [WordKind] { words.isEmpty ? [.symbol] : [] }

  func answer(in session: Session) throws -> Answer {
    switch try session.namedKernel(try session.livingKernel) {
    case .guest(let kernel): try answer(of: kernel, session)
    case .file(let facts): try answer(ofFile: facts.origin.name, facts.symbols, session)
    }
  }

  private enum Question {
    case pattern, name
    case address(AddressExpression)
  }

  private var question: Question {
    if what.contains(where: { "*?[".contains($0) }) { return .pattern }
    if let address = AddressExpression(argument: what), !isName(address) {
      return .address(address)
    }
    return .name
  }

  private func answer(of kernel: GuestKernel, _ session: Session) throws -> Answer {
    var rows: [Row]
    var missing: [String] = []
    switch question {
    case .address(let address):
      rows = [try nearest(to: address, kernel, session) ?? copy(address, session)]
    case .pattern:
      let loaded = try loaded(session) { walk throws(ReadFault) in
        try walk.loadedSymbols(matching: what)
      }
      rows = kernel.symbols.matching(glob: what).map { Row($0) } + loaded.rows
      missing = loaded.missing
      guard !rows.isEmpty else { throw CommandError("no symbol matches \(what)") }
    case .name:
      rows = try kernel.symbols.named(what).map { Row($0) }
      if rows.isEmpty {
        (rows, missing) = try loaded(session) { walk throws(ReadFault) in
          try walk.loadedSymbols(named: what)
        }
      }
      guard !rows.isEmpty else { throw CommandError("this guest's kernel has no symbol \(what)") }
    }
    return answer(rows, missing)
  }

  /// Of a kernel that no guest runs.
  private func answer(
    ofFile file: String, _ symbols: KernelSymbols, _ session: Session
  ) throws -> Answer {
    session.noteOnce(
      "no guest is asked: addresses are those that \(file) was linked to, without KASLR")
    let rows: [Row]
    switch question {
    case .address(let address): rows = [try linked(address, symbols, file)]
    case .pattern:
      rows = symbols.matching(glob: what).map { Row($0) }
      guard !rows.isEmpty else { throw CommandError("no symbol of \(file) matches \(what)") }
    case .name:
      rows = try symbols.named(what).map { Row($0) }
      guard !rows.isEmpty else { throw CommandError("\(file) has no symbol \(what)") }
    }
    return answer(rows)
  }

  private func answer(_ rows: [Row], _ missing: [String] = []) -> Answer {
    Answer(.array(rows.map(\.json)), .lines(rows.map(\.line)), missing: missing)
  }

  private func linked(
    _ address: AddressExpression, _ symbols: KernelSymbols, _ file: String
  ) throws -> Row {
    guard let place = try address.linked(in: symbols) else {
      throw CommandError(
        "only a guest knows where \(address.text) is: name one with -c; guests lists them")
    }
    guard !KernelSymbols.isAbsolute(place), let end = symbols.imageEnd, place < end,
      let (symbol, offset) = symbols.nearest(to: place)
    else {
      throw CommandError(
        "\(place.hex) is not among the addresses that \(file) was linked to; a guest with "
          + "KASLR has other addresses")
    }
    return Row(symbol, offset: offset)
  }

  /// Symbols outside of the kernel image, and what could not be read of them.
  private func loaded(
    _ session: Session, _ find: @escaping (Walk) throws(ReadFault) -> [LoadedSymbol]
  ) throws -> (rows: [Row], missing: [String]) {
    let snapshot = try session.ofThisBoot { kernel in try session.walk(kernel, find) }
    return (snapshot.value.map { Row($0) }, snapshot.missing)
  }

  private func isName(_ address: AddressExpression) -> Bool {
    guard case .symbol = address.base else { return false }
    return address.offset == 0 && address.cpu == nil
  }

  /// A CPU's own copy of a per-CPU variable.
  private func copy(_ address: AddressExpression, _ session: Session) throws -> Row {
    var variable: UInt64 = 0
    let copy = try session.ofThisBoot { kernel in
      let resolved = try address.resolved(in: kernel)
      if case .perCPU(let start, _) = resolved.start { variable = start &+ resolved.offset }
      return try session.walk(kernel) { walk throws(ReadFault) in
        try resolved.address(in: walk)
      }
    }.value
    let kernel = try session.kernel
    guard kernel.perCPUVariables?.contains(variable) == true,
      let (symbol, offset) = kernel.symbols.nearest(to: variable)
    else { throw CommandError("\(variable.hex) is not a per-CPU variable") }
    return Row(symbol, address: copy.rawValue, offset: offset, cpu: address.cpu)
  }

  /// Nil for an address that only the guest's memory says.
  private func nearest(
    to address: AddressExpression, _ kernel: GuestKernel, _ session: Session
  ) throws -> Row? {
    if case .object = address.base {
      throw UsageError(
        "\(address.text) is an object, and has no symbol: translate \(address.text) says what it is"
      )
    }
    return try address.resolved(in: kernel).fixed.map { try nearest(to: $0, kernel, session) }
  }

  private func nearest(
    to address: UInt64, _ kernel: GuestKernel, _ session: Session
  ) throws -> Row {
    if kernel.nearestSymbol(to: address) != nil,
      let (symbol, offset) = kernel.symbols.nearest(to: address)
    {
      return Row(symbol, offset: offset)
    }
    let place = KernelVirtualAddress(address)
    let symbol = try loaded(at: place, kernel, session)
    guard let symbol else {
      let isKernels = kernel.addressSpace.tables.isCanonical(place)
      throw CommandError(
        "\(address.hex) is not in the kernel image, a module or a BPF program, which symbols name"
          + (isKernels ? ": translate \(address.hex) says what it is" : ""))
    }
    return Row(symbol, offset: address &- symbol.address.rawValue)
  }

  private func loaded(
    at place: KernelVirtualAddress, _ kernel: GuestKernel, _ session: Session
  ) throws -> LoadedSymbol? {
    guard kernel.isLoadable(place) else { return nil }
    return try session.ofThisBoot { kernel in
      try session.walk(kernel) { walk throws(ReadFault) in try walk.loadedSymbol(at: place) }
    }.value
  }
}

extension KernelSymbols {
  /// Where the image ends; nil without any symbol.
  fileprivate var imageEnd: UInt64? {
    // A table of functions only may lack the first.
    address(of: "_end") ?? last.map { $0.address &+ 1 }
  }
}
