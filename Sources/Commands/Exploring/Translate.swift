import ArgumentParser
import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel
import GuestScopePaging

/// `translate`: the way of a kernel address through the page tables, and what it is.
struct Translate: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "translate", abstract: "A kernel address through every level of page tables.",
    discussion: """
      Walks from the kernel's own root (init_top_pgt, swapper_pg_dir), not from what a vCPU has \
      loaded: addresses of user processes are not found there. Flags of an x86-64 entry are P \
      present, RW writable, US user, PWT and PCD caching, A accessed, D dirty, G global, NX no \
      execution.
      """)

  @Argument(help: AddressExpression.help)
  var address: AddressExpression
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static func nextWord(after words: [String]) -> [WordKind] { words.isEmpty ? [.symbol] : [] }

  /// What one instant says.
  private struct Path {
    var address: KernelVirtualAddress
    var region: KernelRegion?
    var steps: [PageTables.Step]
    var mapping: PageTables.Mapping?
    /// Outside of the kernel image.
    var symbol: LoadedSymbol?
  }

  func answer(in session: Session) throws -> Answer {
    let snapshot = try session.ofThisBoot { kernel in
      let target = try address.resolved(in: kernel)
      let tables = kernel.addressSpace.tables
      if let value = target.fixed, !tables.isCanonical(KernelVirtualAddress(value)) {
        throw CommandError(
          "\(value.hex) is not a kernel address: those begin at "
            + tables.format.firstKernelAddress.hex)
      }
      return try session.walk(kernel) { walk throws(ReadFault) in
        let address = try target.address(in: walk)
        let (region, steps, mapping, symbol) = try walk.view.together(
          walk.region(of: address), tables.steps(to: address, in: walk.view),
          tables.mapping(at: address, in: walk.view), walk.readableSymbol(at: address))
        return Path(
          address: address, region: region, steps: steps, mapping: mapping, symbol: symbol)
      }
    }
    let kernel = try session.kernel
    return Answer(
      json(snapshot.value, kernel), .lines(lines(snapshot.value, kernel)))
  }

  private func symbol(_ path: Path, _ kernel: GuestKernel) -> String? {
    kernel.symbolText(path.address.rawValue) ?? path.symbol?.text(at: path.address.rawValue)
      ?? (self.address.isNamed ? self.address.text : nil)
  }

  private func physical(_ path: Path) -> UInt64? {
    path.mapping.map {
      $0.physical.rawValue &+ (path.address.rawValue &- $0.virtual.rawValue)
    }
  }

  private func json(_ path: Path, _ kernel: GuestKernel) -> JSON {
    let format = kernel.addressSpace.tables.format
    let levels = path.steps.map { step -> JSON in
      [
        "level": .string(format.levelName(step.level)),
        "table": .string((step.entryAddress.rawValue &- step.index &* 8).hex),
        "index": .unsigned(step.index), "entry_address": .string(step.entryAddress.rawValue.hex),
        "entry": .string(step.entry.hex),
        "flags": .array(
          format.flags(of: step.entry, isLeaf: step.isLeaf).map { .string($0) }),
        "leads_to": JSON(step.target?.rawValue.hex),
      ]
    }
    return [
      "address": .string(path.address.rawValue.hex), "symbol": JSON(symbol(path, kernel)),
      "region": JSON(path.region?.name), "region_detail": JSON(path.region?.detail),
      "physical": JSON(physical(path)?.hex), "page_size": JSON(path.mapping?.count),
      "writable": JSON(path.mapping?.isWritable), "executable": JSON(path.mapping?.isExecutable),
      "levels": .array(levels),
    ]
  }

  private func lines(_ path: Path, _ kernel: GuestKernel) -> [String] {
    let format = kernel.addressSpace.tables.format
    let levels = Table(
      [
        .text("LEVEL"), .text("TABLE"), .number("INDEX"), .text("ENTRY"), .text("FLAGS"),
        .text("LEADS TO"),
      ],
      rows: path.steps.map { step in
        [
          format.levelName(step.level), (step.entryAddress.rawValue &- step.index &* 8).hex,
          "\(step.index)", "0x" + step.entry.paddedHex(16),
          format.flags(of: step.entry, isLeaf: step.isLeaf).joined(separator: " "), step.leadsTo,
        ]
      })
    var head = path.address.rawValue.hex
    if let symbol = symbol(path, kernel) { head += "  " + symbol }
    head += "  " + (path.region.map { "\($0)" } ?? "no known region")
    guard let mapping = path.mapping, let physical = physical(path) else {
      return [head] + levels.lines + ["not mapped"]
    }
    let permissions =
      "r" + (mapping.isWritable ? "w" : "-") + (mapping.isExecutable ? "x" : "-")
    return [head] + levels.lines
      + ["physical \(physical.hex)  \(sizeText(mapping.count)) page  \(permissions)"]
  }
}

extension PageTables.Step {
  var isLeaf: Bool { if case .leaf = meaning { true } else { false } }

  /// The table or page that this entry leads to.
  var target: PhysicalAddress? {
    switch meaning {
    case .invalid: nil
    case .table(let address), .leaf(let address): address
    }
  }

  fileprivate var leadsTo: String {
    switch meaning {
    case .invalid: "nothing"
    case .table(let table): "table \(table.rawValue.hex)"
    case .leaf(let page): "\(sizeText(1 << UInt64(level.shift))) page \(page.rawValue.hex)"
    }
  }
}
