import GuestScopeGuestMemory

/// The page tables below one root: the kernel's, or those that a vCPU has loaded.
public struct PageTables: Hashable, Sendable {
  public var format: PageTableFormat
  public var root: PhysicalAddress

  public init(_ format: PageTableFormat, root: PhysicalAddress) {
    self.format = format
    self.root = root
  }

  /// One look at a table on the way to an address.
  public struct Step: Hashable, Sendable {
    public var level: PageTableFormat.Level
    /// The entry's place in its table.
    public var index: UInt64
    public var entryAddress: PhysicalAddress
    public var entry: UInt64
    public var meaning: EntryMeaning
  }

  /// What an entry says.
  public enum EntryMeaning: Hashable, Sendable {
    case invalid
    case table(PhysicalAddress)
    case leaf(PhysicalAddress)
  }

  /// Memory in one piece with one set of permissions: what one leaf entry maps, or several in a row.
  public struct Mapping: Hashable, Sendable {
    public var virtual: KernelVirtualAddress
    public var physical: PhysicalAddress
    /// Bytes.
    public var count: UInt64
    public var isWritable: Bool
    public var isExecutable: Bool

    public init(
      virtual: KernelVirtualAddress, physical: PhysicalAddress, count: UInt64, isWritable: Bool,
      isExecutable: Bool
    ) {
      (self.virtual, self.physical, self.count) = (virtual, physical, count)
      (self.isWritable, self.isExecutable) = (isWritable, isExecutable)
    }
  }

  /// The mapping that holds an address; nil when there is none.
  public func mapping(
    at address: KernelVirtualAddress, in view: MemoryView
  ) throws(ReadFault) -> Mapping? {
    var mapping: Mapping?
    try walk(to: address, in: view) { step, permissions in
      guard case .leaf(let physical) = step.meaning else { return }
      let size: UInt64 = 1 << UInt64(step.level.shift)
      mapping = Mapping(
        virtual: KernelVirtualAddress(address.rawValue & ~(size - 1)), physical: physical,
        count: size, isWritable: permissions.writable, isExecutable: permissions.executable)
    }
    return mapping
  }

  /// Every entry on the way to an address, from the root down to the leaf or the invalid one.
  public func steps(
    to address: KernelVirtualAddress, in view: MemoryView
  ) throws(ReadFault) -> [Step] {
    var steps: [Step] = []
    try walk(to: address, in: view) { step, _ in steps.append(step) }
    return steps
  }

  /// True when an address can be translated at all: its upper bits are all ones.
  public func isCanonical(_ address: KernelVirtualAddress) -> Bool {
    format.untagged(address.rawValue) >= format.firstKernelAddress
  }

  private struct Permissions {
    var writable = true
    var executable = true
  }

  private func walk(
    to address: KernelVirtualAddress, in view: MemoryView,
    _ visit: (Step, Permissions) -> Void
  ) throws(ReadFault) {
    guard isCanonical(address) else { return }
    var table = root
    var permissions = Permissions()
    for level in format.levels {
      let step = try step(
        at: index(of: address.rawValue, level), of: table, level, in: view)
      permissions = narrowed(permissions, by: step)
      visit(step, permissions)
      guard case .table(let next) = step.meaning else { return }
      table = next
    }
  }

  private func index(of address: UInt64, _ level: PageTableFormat.Level) -> UInt64 {
    address >> UInt64(level.shift) & (1 << UInt64(level.indexBits) - 1)
  }

  private func step(
    at index: UInt64, of table: PhysicalAddress, _ level: PageTableFormat.Level,
    in view: MemoryView
  ) throws(ReadFault) -> Step {
    let address = table + index * 8
    // Neighbours in a table are wanted next more often than not: discovery takes all of it.
    let entry = try view.load(
      UInt64.self, at: address, fetching: PhysicalRange(table, count: 8 << level.indexBits))
    return Step(
      level: level, index: index, entryAddress: address, entry: entry,
      meaning: meaning(of: entry, level))
  }

  private func meaning(of entry: UInt64, _ level: PageTableFormat.Level) -> EntryMeaning {
    guard entry & 1 == 1 else { return .invalid }
    func isSet(_ bit: Int) -> Bool { entry >> UInt64(bit) & 1 == 1 }
    var address = entry & format.addressMask
    if let high = format.highBits {
      address |= (entry >> UInt64(high.from) & (1 << UInt64(high.count) - 1)) << UInt64(high.to)
    }
    let table = EntryMeaning.table(PhysicalAddress(address))
    let leaf = EntryMeaning.leaf(PhysicalAddress(address & ~(1 << UInt64(level.shift) - 1)))
    switch level.leaf {
    case .never(let bit): return bit.map(isSet) ?? true ? table : .invalid
    case .whenSet(let bit): return isSet(bit) ? leaf : table
    case .whenClear(let bit): return isSet(bit) ? table : leaf
    case .always(let bit): return bit.map(isSet) ?? true ? leaf : .invalid
    }
  }

  private func narrowed(_ permissions: Permissions, by step: Step) -> Permissions {
    var narrowed = permissions
    var isTable = false
    if case .table = step.meaning { isTable = true }
    narrowed.writable = narrowed.writable && format.writable.grants(step.entry, isTable: isTable)
    narrowed.executable =
      narrowed.executable && format.executable.grants(step.entry, isTable: isTable)
    return narrowed
  }

  // MARK: Everything that is mapped

  /// Calls `body` for each mapping in a range of addresses, ascending.
  ///
  /// All tables of a level are found in one pass. A table that is missing looks empty to `body`;
  /// the pass fails as a whole at its end.
  public func forEachMapping(
    in range: ClosedRange<UInt64>, in view: MemoryView,
    _ body: (Mapping) throws(ReadFault) -> Void
  ) throws(ReadFault) {
    try visit(root, level: 0, base: format.firstKernelAddress, Permissions(), range, view, body)
  }

  private func visit(
    _ table: PhysicalAddress, level depth: Int, base: UInt64, _ permissions: Permissions,
    _ range: ClosedRange<UInt64>, _ view: MemoryView,
    _ body: (Mapping) throws(ReadFault) -> Void
  ) throws(ReadFault) {
    let level = format.levels[depth]
    let size: UInt64 = 1 << UInt64(level.shift)
    let count: UInt64 = 1 << UInt64(level.indexBits)
    // The upper half of the address space is the upper half of the root where the tables of both
    // halves are one (x86), and all of it where the kernel has its own (arm64).
    let half = depth == 0 ? index(of: base, level) : 0
    _ = try view.each(half..<count) { index throws(ReadFault) in
      let first = base &+ (index - half) &* size
      let last = first &+ (size - 1)
      guard first <= range.upperBound, last >= range.lowerBound else { return }
      let step = try step(at: index, of: table, level, in: view)
      let inner = narrowed(permissions, by: step)
      switch step.meaning {
      case .invalid: return
      case .leaf(let physical):
        try body(
          Mapping(
            virtual: KernelVirtualAddress(first), physical: physical, count: size,
            isWritable: inner.writable, isExecutable: inner.executable))
      case .table(let next):
        guard view.ram.region(at: next) != nil else { return }
        try visit(next, level: depth + 1, base: first, inner, range, view, body)
      }
    }
  }
}
