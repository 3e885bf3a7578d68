import ArgumentParser
import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelImage
import GuestScopeLinuxKernel

/// `sym`: symbols by name or pattern, or the one that holds an address.
struct Sym: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "sym", abstract: "Symbols by name or pattern, or the nearest to an address.",
    discussion: """
      Types are those of /proc/kallsyms. A per-CPU variable shows its value, to which each CPU \
      adds its offset; symbol@CPU shows the address of that CPU's copy.
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
    let kernel = try session.livingKernel
    let rows: [Row]
    if what.contains(where: { "*?[".contains($0) }) {
      rows = kernel.symbols.matching(glob: what).map { Row($0) }
      guard !rows.isEmpty else { throw CommandError("no symbol matches \(what)") }
    } else if let address = AddressExpression(argument: what), !isName(address) {
      rows = [try nearest(to: address, kernel) ?? copy(address, session)]
    } else {
      rows = try kernel.symbols.named(what).map { Row($0) }
      guard !rows.isEmpty else { throw CommandError("this guest's kernel has no symbol \(what)") }
    }
    return Answer(
      .array(rows.map(\.json)), .lines(rows.map(\.line)))
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
  private func nearest(to address: AddressExpression, _ kernel: GuestKernel) throws -> Row? {
    if case .object = address.base {
      throw UsageError(
        "\(address.text) is an object, and has no symbol: translate \(address.text) says what it is"
      )
    }
    return try address.resolved(in: kernel).fixed.map { try nearest(to: $0, kernel) }
  }

  private func nearest(to address: UInt64, _ kernel: GuestKernel) throws -> Row {
    guard kernel.nearestSymbol(to: address) != nil,
      let (symbol, offset) = kernel.symbols.nearest(to: address)
    else {
      let isKernels = kernel.addressSpace.tables.isCanonical(KernelVirtualAddress(address))
      throw CommandError(
        "\(address.hex) is not in the kernel image, which symbols name"
          + (isKernels ? ": translate \(address.hex) says what it is" : ""))
    }
    return Row(symbol, offset: offset)
  }

  private struct Row {
    var symbol: KernelSymbols.Symbol
    var address: UInt64
    var offset: UInt64
    var cpu: Int?

    init(
      _ symbol: KernelSymbols.Symbol, address: UInt64? = nil, offset: UInt64 = 0, cpu: Int? = nil
    ) {
      self.symbol = symbol
      self.address = address ?? symbol.address &+ offset
      self.offset = offset
      self.cpu = cpu
    }

    var line: String {
      let name = symbol.name + (cpu.map { "@\($0)" } ?? "") + (offset == 0 ? "" : "+\(offset.hex)")
      return "\(address.paddedHex(16)) \(symbol.type) \(name)"
    }

    var json: JSON {
      let row: JSON = [
        "address": .string(address.hex), "type": .string("\(symbol.type)"),
        "symbol": .string(symbol.name), "offset": .unsigned(offset),
      ]
      return cpu.map { row.adding(["cpu": JSON($0)]) } ?? row
    }
  }
}
