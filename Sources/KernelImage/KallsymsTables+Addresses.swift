import Bytes

extension KallsymsTables {
  /// The kernel's half of the address space begins here at the earliest (AArch64 with 52-bit
  /// addresses).
  static let lowestKernelAddress: UInt64 = 0xfff0_0000_0000_0000

  /// What may be `kallsyms_relative_base`: a page of the kernel, or 0 in an arm64 Image, where it
  /// is filled in at boot.
  static func relativeBase(at offset: Int, _ region: MemoryRegion) -> UInt64? {
    guard let base = region.bytes.u64(at: offset), base & 0xfff == 0,
      base == 0 || base >= lowestKernelAddress
    else { return nil }
    return base
  }

  /// How these offsets are written, or nil when they are no table of offsets: addresses ascend in
  /// either way.
  static func addressing(
    base: UInt64, offsets: Int, count: Int, _ region: MemoryRegion
  ) -> Addressing? {
    let addressing: Addressing =
      mostlyNegative(offsets, count, region) ? .absolutePerCPU(base: base) : .relative(base: base)
    return ascending(addressing, offsets: offsets, count: count, region) ? addressing : nil
  }

  static func ascending(
    _ addressing: Addressing, offsets: Int, count: Int, _ region: MemoryRegion
  ) -> Bool {
    var last: UInt64 = 0
    var first: UInt64?
    for index in 0..<count {
      guard let address = address(addressing, at: offsets + 4 * index, region), address >= last
      else { return false }
      last = address
      first = first ?? address
    }
    return count == 1 || last != first
  }

  /// The address of the entry at an offset of the region's bytes.
  @inline(__always)
  static func address(
    _ addressing: Addressing, at offset: Int, _ region: MemoryRegion
  ) -> UInt64? {
    guard let entry = region.bytes.u32(at: offset) else { return nil }
    let signed = UInt64(bitPattern: Int64(Int32(bitPattern: entry)))
    switch addressing {
    case .relative(let base): return base &+ UInt64(entry)
    case .absolutePerCPU(let base):
      return entry < 1 << 31 ? UInt64(entry) : base &- 1 &- signed
    case .selfRelative: return region.address(of: offset) &+ signed
    }
  }

  /// Per-CPU symbols are few, so with `KALLSYMS_ABSOLUTE_PERCPU` most entries are negative and else
  /// none is.
  private static func mostlyNegative(_ offsets: Int, _ count: Int, _ region: MemoryRegion) -> Bool {
    // The table ascends to the highest addresses: the entry in the middle is one of the many.
    guard let middle = region.bytes.u32(at: offsets + 4 * (count / 2)) else { return false }
    return middle >= 1 << 31
  }

  /// Expands all names and addresses, or nil when the region does not hold the tables.
  ///
  /// `base` takes the place of a relative base that the file does not hold.
  public func symbols(in region: MemoryRegion, base: UInt64? = nil) -> KernelSymbols? {
    guard var at = region.offset(of: namesAddress), let offsets = region.offset(of: offsetsAddress),
      let tokens = region.offset(of: tokenTableAddress).flatMap({ TokenTable(in: region, at: $0) })
    else { return nil }
    let addressing =
      switch (self.addressing, base) {
      case (.relative, let base?): Addressing.relative(base: base)
      case (let own, _): own
      }
    var symbols = KernelSymbols()
    symbols.reserve(symbols: count, textBytes: 24 * count)
    for index in 0..<count {
      guard let (length, first) = Self.nameLength(at: at, region), first + length <= region.end,
        let address = Self.address(addressing, at: offsets + 4 * index, region)
      else { return nil }
      at = first + length
      symbols.append(tokens: first..<at, tokens, region.bytes)
      symbols.finish(address: address)
    }
    return symbols
  }
}
