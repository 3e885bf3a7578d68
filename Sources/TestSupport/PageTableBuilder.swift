import GuestScopeGuestMemory
import GuestScopePaging

/// Lays out page tables of any format.
public final class PageTableBuilder {
  public let format: PageTableFormat
  public let root: PhysicalAddress
  private let ram: RAMBuilder
  private var children: [PhysicalAddress: PhysicalAddress] = [:]

  public init(_ format: PageTableFormat, in ram: RAMBuilder) {
    self.format = format
    self.ram = ram
    root = Self.table(format, 0, in: ram)
  }

  public var tables: PageTables { PageTables(format, root: root) }

  /// Maps what one entry of a level maps: the last level by default.
  public func map(
    _ virtual: UInt64, to physical: UInt64, level: Int? = nil, writable: Bool = true,
    executable: Bool = false
  ) {
    let level = level ?? format.levels.count - 1
    var entry = encoded(physical)
    switch format.levels[level].leaf {
    case .never: preconditionFailure("no leaf at this level")
    case .whenSet(let bit): entry |= 1 << UInt64(bit)
    case .whenClear: break
    case .always(let bit): entry |= bit.map { 1 << UInt64($0) } ?? 0
    }
    if writable == format.writable.grantsWhenSet { entry |= 1 << UInt64(format.writable.bit) }
    if executable == format.executable.grantsWhenSet { entry |= 1 << UInt64(format.executable.bit) }
    ram.write(entry, at: self.entry(of: virtual, level: level))
  }

  /// Maps neighbouring pages of the last level.
  public func map(
    pages: Int, from virtual: UInt64, to physical: UInt64, writable: Bool = true,
    executable: Bool = false
  ) {
    for page in 0..<UInt64(pages) {
      let offset = page * UInt64(format.pageSize)
      map(
        virtual + offset, to: physical + offset, writable: writable, executable: executable)
    }
  }

  /// Where the entry of an address is at a level; makes the tables that lead to it.
  public func entry(of virtual: UInt64, level: Int) -> PhysicalAddress {
    var table = root
    for depth in 0...level {
      let shape = format.levels[depth]
      let index = virtual >> UInt64(shape.shift) & (1 << UInt64(shape.indexBits) - 1)
      let entry = table + index * 8
      if depth == level { return entry }
      if let child = children[entry] {
        table = child
      } else {
        table = Self.table(format, depth + 1, in: ram)
        children[entry] = table
        ram.write(tableEntry(table, level: depth), at: entry)
      }
    }
    return root
  }

  /// An entry of a level that leads to a table and takes no permission away.
  public func tableEntry(_ table: PhysicalAddress, level: Int) -> UInt64 {
    var entry = encoded(table.rawValue)
    switch format.levels[level].leaf {
    case .never(let bit): entry |= bit.map { 1 << UInt64($0) } ?? 0
    case .whenSet: break
    case .whenClear(let bit): entry |= 1 << UInt64(bit)
    case .always: preconditionFailure("no tables below the last level")
    }
    for permission in [format.writable, format.executable] where permission.grantsWhenSet {
      entry |= 1 << UInt64(permission.tableBit)
    }
    return entry
  }

  private func encoded(_ physical: UInt64) -> UInt64 {
    var entry = physical & format.addressMask | 1
    if let high = format.highBits {
      entry |= (physical >> UInt64(high.to) & (1 << UInt64(high.count) - 1)) << UInt64(high.from)
    }
    return entry
  }

  private static func table(
    _ format: PageTableFormat, _ level: Int, in ram: RAMBuilder
  ) -> PhysicalAddress {
    ram.allocate(8 << format.levels[level].indexBits, alignment: UInt64(format.pageSize))
  }
}
