/// How an architecture lays out its page tables, as data for the one walker.
public struct PageTableFormat: Hashable, Sendable {
  /// One level of tables, from the root down.
  public struct Level: Hashable, Sendable {
    /// The lowest bit of a virtual address that selects an entry; an entry maps `1 << shift` bytes.
    public var shift: Int
    /// Bits of a virtual address that select an entry.
    public var indexBits: Int
    public var leaf: LeafRule
  }

  /// Which valid entries of a level map memory, and which point at a table.
  public enum LeafRule: Hashable, Sendable {
    /// All point at tables; `tableBit` must be set, if there is one.
    case never(tableBit: Int?)
    /// A leaf when the bit is set, else a table.
    case whenSet(bit: Int)
    /// A leaf when the bit is clear, else a table.
    case whenClear(bit: Int)
    /// All map memory; `pageBit` must be set, if there is one.
    case always(pageBit: Int?)
  }

  /// A bit of an entry that grants or takes a permission.
  public struct PermissionBit: Hashable, Sendable {
    public var bit: Int
    /// The bit of an entry that points at a table which counts for all below.
    public var tableBit: Int
    public var grantsWhenSet: Bool

    func grants(_ entry: UInt64, isTable: Bool) -> Bool {
      (entry >> UInt64(isTable ? tableBit : bit) & 1 == 1) == grantsWhenSet
    }
  }

  /// Where the upper physical address bits are that do not fit in their natural place.
  public struct HighBits: Hashable, Sendable {
    /// The lowest bit in the entry, how many there are, and the physical address bit they begin at.
    public var from: Int
    public var count: Int
    public var to: Int
  }

  /// What `translate` and `info` call it, e.g. `x86-64 4-level`, `arm64 4K pages, 48 bits`.
  public var name: String
  public var levels: [Level]
  /// Bits that kernel addresses differ in; all above are ones (x86-64: 47 or 56, half of the space;
  /// arm64: 64 - T1SZ).
  public var kernelBits: Int
  /// The physical address bits of an entry that are in their natural place.
  public var addressMask: UInt64
  public var highBits: HighBits?
  public var writable: PermissionBit
  public var executable: PermissionBit
  /// True where bits 63:56 of an address mean nothing to translation and may hold a tag, as KASAN's
  /// pointers do.
  public var ignoresTopByte = false
  /// What people call the bits of an entry, from the lowest.
  public var flagNames: [FlagName] = []

  public struct FlagName: Hashable, Sendable {
    public var bit: Int
    public var name: String
    /// True when the bit means this in entries that map memory only.
    public var isOfLeaves = false
  }

  /// The names of an entry's bits that are set.
  public func flags(of entry: UInt64, isLeaf: Bool) -> [String] {
    flagNames.filter { entry >> UInt64($0.bit) & 1 == 1 && (isLeaf || !$0.isOfLeaves) }.map(\.name)
  }

  /// Linux' name of a level: `pte` is the last one, `pgd` the first.
  public func levelName(_ level: Level) -> String {
    let depth = levels.firstIndex(of: level) ?? 0
    guard depth > 0 else { return "pgd" }
    return ["pte", "pmd", "pud", "p4d"][min(levels.count - 1 - depth, 3)]
  }

  /// Bytes of a page of the last level.
  public var pageSize: Int { 1 << levels[levels.count - 1].shift }

  /// An address without its tag: bit 55 in place of all above (`__tag_reset` of
  /// arch/arm64/include/asm/memory.h).
  public func untagged(_ address: UInt64) -> UInt64 {
    ignoresTopByte ? UInt64(bitPattern: Int64(bitPattern: address << 8) >> 8) : address
  }

  /// The lowest address of the upper half, where the kernel is.
  public var firstKernelAddress: UInt64 { .max << UInt64(kernelBits) }
}

extension PageTableFormat {
  /// x86-64 with 4 levels, or 5 where CR4.LA57 (bit 12) is set. Intel SDM vol. 3, 5.5.
  public static func x86(fiveLevel: Bool) -> Self {
    var levels = [
      Level(shift: 39, indexBits: 9, leaf: .never(tableBit: nil)),
      Level(shift: 30, indexBits: 9, leaf: .whenSet(bit: 7)),
      Level(shift: 21, indexBits: 9, leaf: .whenSet(bit: 7)),
      Level(shift: 12, indexBits: 9, leaf: .always(pageBit: nil)),
    ]
    if fiveLevel {
      levels.insert(Level(shift: 48, indexBits: 9, leaf: .never(tableBit: nil)), at: 0)
    }
    return Self(
      name: "x86-64 \(levels.count)-level", levels: levels, kernelBits: fiveLevel ? 56 : 47,
      addressMask: 0x000f_ffff_ffff_f000, highBits: nil,
      writable: PermissionBit(bit: 1, tableBit: 1, grantsWhenSet: true),
      executable: PermissionBit(bit: 63, tableBit: 63, grantsWhenSet: false),
      flagNames: x86FlagNames)
  }

  /// Intel SDM vol. 3, tables 5-15 to 5-20. Bit 7 says page size above the last level, where it is
  /// PAT; no name fits both, and the page size is shown anyway.
  private static let x86FlagNames = [
    FlagName(bit: 0, name: "P"), FlagName(bit: 1, name: "RW"), FlagName(bit: 2, name: "US"),
    FlagName(bit: 3, name: "PWT"), FlagName(bit: 4, name: "PCD"), FlagName(bit: 5, name: "A"),
    FlagName(bit: 6, name: "D", isOfLeaves: true), FlagName(bit: 8, name: "G", isOfLeaves: true),
    FlagName(bit: 63, name: "NX"),
  ]
}
