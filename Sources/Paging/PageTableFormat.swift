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

  /// Bytes of a page of the last level.
  public var pageSize: Int { 1 << levels[levels.count - 1].shift }

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
      executable: PermissionBit(bit: 63, tableBit: 63, grantsWhenSet: false))
  }
}
