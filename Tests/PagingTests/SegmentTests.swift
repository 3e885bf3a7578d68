import GuestScopeGuestMemory
import GuestScopePaging
import TestSupport
import Testing

@Suite struct SegmentTests {
  private func segments(
    of guest: Translated, _ range: ClosedRange<UInt64>, stepLimit: Int = 200_000
  ) throws(SnapshotError) -> [PageTables.Mapping] {
    try guest.walk(stepLimit: stepLimit) { tables, view throws(ReadFault) in
      try tables.segments(in: range, in: view)
    }
  }

  @Test(arguments: formats)
  func neighboursOfOneKindAreOneSegment(format: PageTableFormat) throws {
    let guest = Translated(format)
    let base: UInt64 = 0xffff_ffff_8100_0000
    // Text in a large page and small ones, then data; a hole; data elsewhere in memory.
    guest.tables.map(
      base, to: 0x20_0000, level: format.levels.count - 2, writable: false, executable: true)
    guest.tables.map(
      pages: 3, from: base + 0x20_0000, to: 0x40_0000, writable: false, executable: true)
    guest.tables.map(pages: 2, from: base + 0x20_3000, to: 0x40_3000)
    guest.tables.map(pages: 1, from: base + 0x20_6000, to: 0x40_6000)
    guest.tables.map(pages: 1, from: base + 0x20_7000, to: 0x50_0000)
    let all = try segments(of: guest, 0xffff_ffff_8000_0000...0xffff_ffff_bfff_ffff)
    #expect(all.map(\.virtual.rawValue) == [0, 0x20_3000, 0x20_6000, 0x20_7000].map { base + $0 })
    #expect(all.map(\.physical.rawValue) == [0x20_0000, 0x40_3000, 0x40_6000, 0x50_0000])
    #expect(all.map(\.count) == [0x20_3000, 0x2000, 0x1000, 0x1000])
    #expect(all.map(\.isExecutable) == [true, false, false, false])
    #expect(all.map(\.isWritable) == [false, true, true, true])
  }

  @Test(arguments: formats)
  func onlyTheRangeIsLookedAt(format: PageTableFormat) throws {
    let guest = Translated(format)
    let base = UInt64.max - (1 << 30) + 1
    guest.tables.map(base, to: 0x1000)
    guest.tables.map(base - 0x1000, to: 0x2000)
    guest.tables.map(UInt64.max & ~0xfff, to: 0x3000)
    let all = try segments(of: guest, base...UInt64.max)
    #expect(all.map(\.physical.rawValue) == [0x1000, 0x3000])
    #expect(try segments(of: guest, format.firstKernelAddress...UInt64.max).count == 3)
  }

  @Test(arguments: formats)
  func aTableOutsideRAMLeavesOutOnlyWhatItMaps(format: PageTableFormat) throws {
    let guest = Translated(format)
    let base: UInt64 = 0xffff_ffff_8100_0000
    guest.tables.map(base, to: 0x1000)
    guest.tables.map(base + (1 << 21), to: 0x2000)
    let level = format.levels.count - 2
    guest.ram.write(
      guest.tables.tableEntry(PhysicalAddress(1 << 44), level: level),
      at: guest.tables.entry(of: base, level: level))
    let all = try segments(of: guest, format.firstKernelAddress...UInt64.max)
    #expect(all.map(\.physical.rawValue) == [0x2000])
  }

  @Test(arguments: formats)
  func aTableOfItselfEndsByTheStepLimit(format: PageTableFormat) throws {
    let guest = Translated(format)
    let root = guest.tables.root
    for index in 0..<512 {
      guest.ram.write(guest.tables.tableEntry(root, level: 0), at: root + 8 * index)
    }
    #expect(throws: SnapshotError.self) {
      try segments(of: guest, format.firstKernelAddress...UInt64.max, stepLimit: 20_000)
    }
  }

  @Test func oneLevelOfAllTablesIsFoundInOneWave() throws {
    let guest = Translated(formats[0], bytes: 2 << 20)
    // Three tables of the last level under two of the level above.
    for offset in [0, 1 << 21, 1 << 30] as [UInt64] {
      guest.tables.map(0xffff_8000_0000_0000 + offset, to: 0x1000)
    }
    let memory = ScriptedMemory(guest.ram.memory())
    let tables = guest.tables.tables
    let snapshot = try SnapshotEngine(memory).snapshot { view throws(ReadFault) in
      try tables.segments(in: 0xffff_8000_0000_0000...UInt64.max, in: view)
    }
    #expect(snapshot.value.count == 3)
    #expect(snapshot.waves == 4)
  }
}
