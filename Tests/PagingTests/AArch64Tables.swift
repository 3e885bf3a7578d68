import GuestScopeGuestMemory

@testable import GuestScopePaging

/// An address space of the Arm architecture as its manual has it, written down independently of
/// `PageTableFormat.aarch64`.
struct AArch64Space: Sendable, CustomStringConvertible {
  var pageShift: Int
  var virtualBits: Int
  /// DS for pages of 4K and 16K; for 64K, IPS says 52 bits.
  var hasWideAddresses = false
  /// The shift of each level and the bits of its index, from the root down.
  var levels: [(shift: Int, bits: Int)]
  /// The levels that may map memory.
  var leaves: Set<Int>

  var description: String {
    "\(1 << (pageShift - 10))K, \(virtualBits) bits\(hasWideAddresses ? ", wide" : "")"
  }

  var tcr: TranslationControl {
    let granules: [Int: UInt64] = [14: 1, 12: 2, 16: 3]
    // T0SZ, TG0 and the rest, which must not matter.
    var value: UInt64 = 0x0000_0010_0000_3510 & ~(7 << 32)
    value |= UInt64(64 - virtualBits) << 16 | granules[pageShift]! << 30
    value |= (hasWideAddresses && pageShift == 16 ? 6 : 5) << 32
    if hasWideAddresses, pageShift != 16 { value |= 1 << 59 }
    return TranslationControl(value)
  }

  var first: UInt64 { ~0 << UInt64(virtualBits) }
  var pageSize: UInt64 { 1 << UInt64(pageShift) }

  /// The descriptor's address field.
  func field(_ physical: UInt64) -> UInt64 {
    if pageShift == 16 { return physical & 0xffff_ffff_0000 | (physical >> 48 & 0xf) << 12 }
    guard hasWideAddresses else { return physical & 0xffff_ffff_ffff }
    return physical & 0x3_ffff_ffff_ffff | (physical >> 50 & 3) << 8
  }

  static let all = [
    AArch64Space(
      pageShift: 12, virtualBits: 39, levels: [(30, 9), (21, 9), (12, 9)], leaves: [30, 21, 12]),
    AArch64Space(
      pageShift: 12, virtualBits: 42, levels: [(39, 3), (30, 9), (21, 9), (12, 9)],
      leaves: [30, 21, 12]),
    AArch64Space(
      pageShift: 12, virtualBits: 48, levels: [(39, 9), (30, 9), (21, 9), (12, 9)],
      leaves: [30, 21, 12]),
    AArch64Space(
      pageShift: 12, virtualBits: 48, hasWideAddresses: true,
      levels: [(39, 9), (30, 9), (21, 9), (12, 9)], leaves: [39, 30, 21, 12]),
    AArch64Space(
      pageShift: 12, virtualBits: 52, hasWideAddresses: true,
      levels: [(48, 4), (39, 9), (30, 9), (21, 9), (12, 9)], leaves: [39, 30, 21, 12]),
    AArch64Space(
      pageShift: 14, virtualBits: 36, levels: [(25, 11), (14, 11)], leaves: [25, 14]),
    AArch64Space(
      pageShift: 14, virtualBits: 47, levels: [(36, 11), (25, 11), (14, 11)], leaves: [25, 14]),
    AArch64Space(
      pageShift: 14, virtualBits: 48, levels: [(47, 1), (36, 11), (25, 11), (14, 11)],
      leaves: [25, 14]),
    AArch64Space(
      pageShift: 14, virtualBits: 52, hasWideAddresses: true,
      levels: [(47, 5), (36, 11), (25, 11), (14, 11)], leaves: [36, 25, 14]),
    AArch64Space(
      pageShift: 16, virtualBits: 42, levels: [(29, 13), (16, 13)], leaves: [29, 16]),
    AArch64Space(
      pageShift: 16, virtualBits: 48, levels: [(42, 6), (29, 13), (16, 13)], leaves: [29, 16]),
    AArch64Space(
      pageShift: 16, virtualBits: 52, hasWideAddresses: true,
      levels: [(42, 10), (29, 13), (16, 13)], leaves: [42, 29, 16]),
  ]
}

/// Tables of such a space in memory.
final class AArch64Tables {
  let space: AArch64Space
  let base: UInt64
  private(set) var bytes: [UInt8]
  private var tables: [[UInt64]: UInt64] = [:]
  private var engine: SnapshotEngine?

  /// The attributes of a kernel's data: AF, inner shareable, AttrIdx 4, UXN, PXN, contiguous, DBM.
  static let data: UInt64 = 1 << 54 | 1 << 53 | 1 << 52 | 1 << 51 | 1 << 10 | 4 << 2

  /// - Parameter base: the physical address of the root, and of the memory that holds all tables.
  init(_ space: AArch64Space, base: UInt64 = 0x4000_0000) {
    self.space = space
    self.base = base
    bytes = Array(repeating: 0, count: Int(space.pageSize))
  }

  /// Writes the entry of an address at the level of a shift; tables above it are made as needed.
  func put(
    _ entry: UInt64, for address: UInt64, shift: Int, tableAttributes: UInt64 = 0
  ) {
    engine = nil
    var table = base
    var path: [UInt64] = []
    for level in space.levels {
      let index = address >> UInt64(level.shift) & (1 << UInt64(level.bits) - 1)
      let place = Int(table - base + 8 * index)
      if level.shift == shift {
        for byte in 0..<8 { bytes[place + byte] = UInt8(truncatingIfNeeded: entry >> (8 * byte)) }
        return
      }
      path.append(index)
      if tables[path] == nil {
        let next = base + UInt64(bytes.count)
        tables[path] = next
        bytes += Array(repeating: 0, count: Int(space.pageSize))
        let pointer = space.field(next) | 3 | tableAttributes
        for byte in 0..<8 { bytes[place + byte] = UInt8(truncatingIfNeeded: pointer >> (8 * byte)) }
      }
      table = tables[path]!
    }
  }

  /// Maps memory with one leaf.
  func map(
    _ address: UInt64, to physical: UInt64, shift: Int? = nil, attributes: UInt64 = data,
    tableAttributes: UInt64 = 0
  ) {
    let shift = shift ?? space.pageShift
    // SH is where LPA2 has address bits.
    let shared: UInt64 = space.hasWideAddresses && space.pageShift != 16 ? 0 : 3 << 8
    let kind: UInt64 = shift == space.pageShift ? 3 : 1
    put(
      space.field(physical) | attributes | shared | kind, for: address, shift: shift,
      tableAttributes: tableAttributes)
  }

  var pageTables: PageTables {
    PageTables(PageTableFormat.aarch64(tcr: space.tcr)!, root: PhysicalAddress(base))
  }

  func walk<T>(
    _ body: @escaping (PageTables, MemoryView) throws(ReadFault) -> T
  ) throws -> T {
    let engine = engine ?? SnapshotEngine(ByteBufferMemory(bytes, base: base))
    self.engine = engine
    let pageTables = pageTables
    return try engine.snapshot { view throws(ReadFault) in try body(pageTables, view) }.value
  }

  func mapping(at address: UInt64) throws -> PageTables.Mapping? {
    try walk { tables, view throws(ReadFault) in
      try tables.mapping(at: KernelVirtualAddress(address), in: view)
    }
  }

  /// Where an address leads to, byte for byte.
  func physical(_ address: UInt64) throws -> UInt64? {
    try mapping(at: address).map { $0.physical.rawValue + (address - $0.virtual.rawValue) }
  }
}
