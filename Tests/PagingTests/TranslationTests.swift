import GuestScopeGuestMemory
import GuestScopePaging
import TestSupport
import Testing

/// A guest's page tables, and what they say.
struct Translated {
  let ram: RAMBuilder
  let tables: PageTableBuilder

  init(_ format: PageTableFormat, base: UInt64 = 0, bytes: Int = 1 << 20) {
    ram = RAMBuilder(base: base, count: bytes)
    tables = PageTableBuilder(format, in: ram)
  }

  func walk<T>(
    stepLimit: Int = 200_000,
    _ body: @escaping (PageTables, MemoryView) throws(ReadFault) -> T
  ) throws(SnapshotError) -> T {
    let engine = SnapshotEngine(ScriptedMemory(ram.memory()))
    engine.stepLimit = stepLimit
    let tables = tables.tables
    return try engine.snapshot { view throws(ReadFault) in try body(tables, view) }.value
  }

  func mapping(_ address: UInt64) throws(SnapshotError) -> PageTables.Mapping? {
    try walk { tables, view throws(ReadFault) in
      try tables.mapping(at: KernelVirtualAddress(address), in: view)
    }
  }
}

let formats = [PageTableFormat.x86(fiveLevel: false), .x86(fiveLevel: true)]

@Suite struct TranslationTests {
  @Test(arguments: formats)
  func everyPageSizeIsTranslated(format: PageTableFormat) throws {
    let guest = Translated(format)
    let last = format.levels.count - 1
    for (number, level) in (last - 2...last).enumerated() {
      let size = UInt64(1) << UInt64(format.levels[level].shift)
      let virtual = format.firstKernelAddress + UInt64(number + 1) << 39 + 3 * size
      let physical = size * UInt64(number + 5)
      guest.tables.map(virtual, to: physical, level: level)
      for offset in [0, 0x123, size - 1] {
        let mapping = try #require(try guest.mapping(virtual + offset))
        #expect(mapping.virtual.rawValue == virtual)
        #expect(mapping.physical.rawValue == physical)
        #expect(mapping.count == size)
      }
      #expect(try guest.mapping(virtual + size) == nil)
      #expect(try guest.mapping(virtual - 1) == nil)
    }
  }

  @Test(arguments: formats)
  func anAddressOutsideTheUpperHalfIsNotMapped(format: PageTableFormat) throws {
    let guest = Translated(format)
    let virtual = format.firstKernelAddress
    guest.tables.map(virtual, to: 0x5000)
    #expect(try guest.mapping(virtual) != nil)
    // The same indexes with upper bits that are not all ones.
    #expect(try guest.mapping(virtual & (1 << UInt64(format.kernelBits + 1) - 1)) == nil)
    #expect(try guest.mapping(virtual & ~(1 << 63)) == nil)
    #expect(try guest.mapping(0) == nil)
    #expect(try guest.mapping(virtual - 1) == nil)
  }

  @Test(arguments: formats)
  func everyLookAtATableIsAStep(format: PageTableFormat) throws {
    let guest = Translated(format)
    let virtual = format.firstKernelAddress + 0x1234_5678_9000
    guest.tables.map(virtual, to: 0x7000)
    let steps = try guest.walk { tables, view throws(ReadFault) in
      try tables.steps(to: KernelVirtualAddress(virtual + 0x10), in: view)
    }
    #expect(steps.map(\.level) == format.levels)
    for (level, step) in steps.enumerated() {
      #expect(step.entryAddress == guest.tables.entry(of: virtual, level: level))
      #expect(step.entry == guest.ram.u64(at: step.entryAddress))
    }
    #expect(steps.last?.meaning == .leaf(PhysicalAddress(0x7000)))
    let hole = try guest.walk { tables, view throws(ReadFault) in
      try tables.steps(to: KernelVirtualAddress(virtual + 0x1000), in: view)
    }
    #expect(hole.last?.meaning == .invalid)
    #expect(hole.count == format.levels.count)
  }

  @Test(arguments: formats)
  func permissionsOfAllLevelsAreMerged(format: PageTableFormat) throws {
    let base = format.firstKernelAddress
    for level in 0..<format.levels.count {
      for permission in [format.writable, format.executable] {
        let guest = Translated(format)
        guest.tables.map(base, to: 0x4000, writable: true, executable: true)
        let before = try #require(try guest.mapping(base))
        #expect(before.isWritable && before.isExecutable)
        let entry = guest.tables.entry(of: base, level: level)
        let bit = level == format.levels.count - 1 ? permission.bit : permission.tableBit
        guest.ram.write(guest.ram.u64(at: entry) ^ 1 << UInt64(bit), at: entry)
        let after = try #require(try guest.mapping(base))
        #expect(after.isWritable == (permission != format.writable))
        #expect(after.isExecutable == (permission != format.executable))
      }
    }
  }

  @Test func bitsBelowAndAboveTheAddressAreNoAddress() throws {
    // The PAT bit of a 2 MiB page (12), protection keys (59-62), NX, accessed and dirty.
    let guest = Translated(formats[0])
    let base = formats[0].firstKernelAddress
    guest.tables.map(base, to: 0x20_0000, level: 2)
    let entry = guest.tables.entry(of: base, level: 2)
    guest.ram.write(guest.ram.u64(at: entry) | 0x7ff0_0000_0000_1f60, at: entry)
    #expect(try guest.mapping(base)?.physical == PhysicalAddress(0x20_0000))
  }

  @Test(arguments: formats)
  func anEntryThatLeadsOutsideRAMIsUnreadableNotZero(format: PageTableFormat) throws {
    let guest = Translated(format)
    let base = format.firstKernelAddress
    guest.tables.map(base, to: 0x4000)
    for level in 0..<format.levels.count - 1 {
      let entry = guest.tables.entry(of: base, level: level)
      let good = guest.ram.u64(at: entry)
      guest.ram.write(guest.tables.tableEntry(PhysicalAddress(1 << 40), level: level), at: entry)
      #expect(throws: SnapshotError.self) { try guest.mapping(base) }
      guest.ram.write(good, at: entry)
    }
    // The page itself may be anywhere: translating does not read it.
    guest.tables.map(base + 0x1000, to: 1 << 40)
    #expect(try guest.mapping(base + 0x1000)?.physical == PhysicalAddress(1 << 40))
  }

  @Test(arguments: formats)
  func aTableThatPointsAtItselfEndsAtTheLastLevel(format: PageTableFormat) throws {
    let guest = Translated(format)
    let root = guest.tables.root
    for index in 0..<512 {
      guest.ram.write(guest.tables.tableEntry(root, level: 0), at: root + 8 * index)
    }
    let mapping = try guest.mapping(format.firstKernelAddress + 0x5000)
    #expect(mapping?.physical == root)
  }
}
