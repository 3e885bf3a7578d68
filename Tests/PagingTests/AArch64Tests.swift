import GuestScopeGuestMemory
import Testing

@testable import GuestScopePaging

@Suite struct AArch64Tests {
  @Test("The levels are those of the architecture", arguments: AArch64Space.all)
  func levels(_ space: AArch64Space) throws {
    let format = try #require(PageTableFormat.aarch64(tcr: space.tcr))
    #expect(format.levels.map(\.shift) == space.levels.map(\.shift))
    #expect(format.levels.map(\.indexBits) == space.levels.map(\.bits))
    #expect(format.kernelBits == space.virtualBits)
    #expect(format.firstKernelAddress == space.first)
    #expect(format.pageSize == 1 << space.pageShift)
  }

  @Test("Pages at both ends and in the middle, and holes beside them", arguments: AArch64Space.all)
  func pages(_ space: AArch64Space) throws {
    let tables = AArch64Tables(space)
    let last = ~0 - (space.pageSize - 1)
    let middle = space.first + (~space.first) / 2 + 1 - 3 * space.pageSize
    let places = [(space.first, 0x8_0000_0000), (middle, 0x9_0000_0000), (last, 0xa_0000_0000)]
    for (virtual, physical) in places { tables.map(virtual, to: UInt64(physical)) }
    for (virtual, physical) in places {
      let physical = UInt64(physical)
      #expect(try tables.physical(virtual) == physical)
      #expect(try tables.physical(virtual + 0x123) == physical + 0x123)
      #expect(try tables.physical(virtual + (space.pageSize - 1)) == physical + space.pageSize - 1)
    }
    #expect(try tables.physical(space.first + space.pageSize) == nil)
    #expect(try tables.physical(middle - 1) == nil)
    #expect(try tables.physical(middle + space.pageSize) == nil)
    #expect(try tables.physical(last - 1) == nil)
  }

  @Test("Addresses outside of the kernel's range lead nowhere", arguments: AArch64Space.all)
  func outside(_ space: AArch64Space) throws {
    let tables = AArch64Tables(space)
    tables.map(space.first, to: 0x8_0000_0000)
    tables.map(~0, to: 0x9_0000_0000)
    // Their low bits are those of addresses that are mapped.
    #expect(try tables.physical(space.first - 1) == nil)
    #expect(try tables.physical(space.first ^ 1 << 63) == nil)
    #expect(try tables.physical(space.first &<< 1) == nil)
    #expect(try tables.physical(0) == nil)
    #expect(try tables.physical(1 << 63) == nil)
  }

  @Test("Each level maps blocks, or may not", arguments: AArch64Space.all)
  func blocks(_ space: AArch64Space) throws {
    for (shift, bits) in space.levels where shift != space.pageShift {
      let tables = AArch64Tables(space)
      let size: UInt64 = 1 << UInt64(shift)
      // The last but one of its table, so that a hole follows.
      let virtual = space.first | (UInt64(1) << UInt64(bits) - 2) << UInt64(shift)
      // Bits below the block's size are attributes (nT is bit 16), not address.
      let physical = size * 2
      tables.map(virtual, to: physical, shift: shift, attributes: AArch64Tables.data | 1 << 16)
      guard space.leaves.contains(shift) else {
        #expect(try tables.mapping(at: virtual) == nil, "2^\(shift)")
        continue
      }
      let mapping = try #require(try tables.mapping(at: virtual + size - 1), "2^\(shift)")
      #expect(mapping.virtual.rawValue == virtual)
      #expect(mapping.physical.rawValue == physical)
      #expect(mapping.count == size)
      #expect(try tables.mapping(at: virtual + size) == nil)
      #expect(try tables.mapping(at: virtual - 1) == nil)
    }
  }

  @Test("Physical addresses of 52 bits", arguments: AArch64Space.all.filter(\.hasWideAddresses))
  func wide(_ space: AArch64Space) throws {
    // Bits 51:48 one by one, in the tables' own addresses and in those of the memory.
    for bit in UInt64(48)...51 {
      let high: UInt64 = 1 << bit
      let tables = AArch64Tables(space, base: high | 0x1000_0000)
      tables.map(space.first, to: high | 0xabc0_0000)
      #expect(try tables.physical(space.first) == high | 0xabc0_0000)
      // ASID 0x42, CnP.
      let ttbr1: UInt64 = 0x42 << 48 | 0x1000_0000 | high >> 46 | 1
      #expect(space.tcr.root(ttbr1: ttbr1) == PhysicalAddress(tables.base))
    }
    let tables = AArch64Tables(space)
    let top: UInt64 = 0xf_ffff_ffff_0000
    tables.map(space.first, to: top)
    #expect(try tables.physical(space.first) == top)
  }

  @Test("Neither ASID nor CnP are part of the root", arguments: AArch64Space.all)
  func root(_ space: AArch64Space) {
    #expect(space.tcr.root(ttbr1: 0xffff_4185_8000_0000 | 1) == PhysicalAddress(0x4185_8000_0000))
    #expect(space.tcr.root(ttbr1: 0x0001_0000_4185_8000) == PhysicalAddress(0x4185_8000))
  }

  @Test("An entry without bit 0 is nothing, and one page needs bit 1", arguments: AArch64Space.all)
  func invalid(_ space: AArch64Space) throws {
    for (shift, _) in space.levels {
      let tables = AArch64Tables(space)
      tables.put(space.field(0x8_0000_0000) | 2, for: space.first, shift: shift)
      #expect(try tables.mapping(at: space.first) == nil)
    }
    let tables = AArch64Tables(space)
    tables.put(space.field(0x8_0000_0000) | 1, for: space.first, shift: space.pageShift)
    #expect(try tables.mapping(at: space.first) == nil)
  }

  @Test("AP[2] and PXN, in leaves and in the tables above them", arguments: AArch64Space.all)
  func permissions(_ space: AArch64Space) throws {
    let (readOnly, pxn): (UInt64, UInt64) = (1 << 7, 1 << 53)
    let (apTable, pxnTable): (UInt64, UInt64) = (1 << 62, 1 << 59)
    let cases: [(leaf: UInt64, table: UInt64, isWritable: Bool, isExecutable: Bool)] = [
      (0, 0, true, true), (readOnly, 0, false, true), (pxn, 0, true, false),
      (readOnly | pxn, 0, false, false), (0, apTable, false, true), (0, pxnTable, true, false),
      // In a leaf the tables' bits are the hardware's to ignore.
      (apTable | pxnTable, 0, true, true),
    ]
    for (leaf, table, isWritable, isExecutable) in cases {
      let tables = AArch64Tables(space)
      tables.map(space.first, to: 0x8_0000_0000, attributes: leaf | 1 << 10, tableAttributes: table)
      let mapping = try #require(try tables.mapping(at: space.first))
      #expect(mapping.isWritable == isWritable)
      #expect(mapping.isExecutable == isExecutable)
      #expect(mapping.physical.rawValue == 0x8_0000_0000)
    }
  }

  @Test("Everything mapped in a range, joined where it is one piece", arguments: AArch64Space.all)
  func segments(_ space: AArch64Space) throws {
    let tables = AArch64Tables(space)
    let size = space.pageSize
    let block = try #require(space.leaves.filter { $0 > space.pageShift }.min())
    let big: UInt64 = 1 << UInt64(block)
    let start = ~0 - 4 * big + 1
    // A block, two pages that continue it, one that does not, a hole, one at the very end.
    tables.map(start, to: 2 * big, shift: block)
    tables.map(start + big, to: 3 * big)
    tables.map(start + big + size, to: 3 * big + size)
    tables.map(start + big + 2 * size, to: 3 * big + 5 * size)
    tables.map(~0, to: 7 * big)
    func found(_ range: ClosedRange<UInt64>) throws -> [[UInt64]] {
      try tables.walk { tables, view throws(ReadFault) in try tables.segments(in: range, in: view) }
        .map { [$0.virtual.rawValue, $0.physical.rawValue, $0.count] }
    }
    let all = [
      [start, 2 * big, big + 2 * size], [start + big + 2 * size, 3 * big + 5 * size, size],
      [~0 - size + 1, 7 * big, size],
    ]
    #expect(try found(space.first...(~0)) == all)
    #expect(try found((start + big + 2 * size)...(~0)) == Array(all.dropFirst()))
    #expect(try found(space.first...(start - 1)) == [])
  }

  @Test("Tables that lie in no RAM are unreadable, and looking around goes on")
  func tablesOutsideRAM() throws {
    let space = AArch64Space.all[2]
    let tables = AArch64Tables(space)
    tables.map(~0, to: 0x8_0000_0000)
    tables.put(space.field(0x3000) | 3, for: space.first, shift: 39)
    #expect(throws: SnapshotError.self) { try tables.mapping(at: space.first) }
    let segments = try tables.walk { tables, view throws(ReadFault) in
      try tables.segments(in: space.first...(~0), in: view)
    }
    #expect(segments.map(\.physical) == [PhysicalAddress(0x8_0000_0000)])
  }

  @Test("A register that no kernel has set up describes no tables")
  func notSetUp() {
    func tcr(_ tg1: UInt64, t1sz: UInt64, ds: UInt64 = 0) -> TranslationControl {
      TranslationControl(tg1 << 30 | t1sz << 16 | ds << 59)
    }
    #expect(PageTableFormat.aarch64(tcr: TranslationControl(0)) == nil)
    #expect(PageTableFormat.aarch64(tcr: tcr(0, t1sz: 16)) == nil)
    #expect(PageTableFormat.aarch64(tcr: tcr(2, t1sz: 0)) == nil)
    #expect(PageTableFormat.aarch64(tcr: tcr(2, t1sz: 63)) == nil)
    // 52 bits need LPA2, but for 64K pages.
    #expect(PageTableFormat.aarch64(tcr: tcr(2, t1sz: 12)) == nil)
    #expect(PageTableFormat.aarch64(tcr: tcr(1, t1sz: 12)) == nil)
    #expect(PageTableFormat.aarch64(tcr: tcr(2, t1sz: 12, ds: 1)) != nil)
    #expect(PageTableFormat.aarch64(tcr: tcr(3, t1sz: 12)) != nil)
    #expect(PageTableFormat.aarch64(tcr: tcr(3, t1sz: 11)) == nil)
  }
}
