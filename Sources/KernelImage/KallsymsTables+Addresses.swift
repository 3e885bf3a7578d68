import GuestScopeBytes

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

  /// Whether bytes may be from the middle of `kallsyms_offsets`: 64 bytes every 64 KiB find the
  /// table in memory at little cost. Others pass too; `search` is what decides.
  public static func mayBeOffsets(_ bytes: [UInt8]) -> Bool {
    let words = (0..<bytes.count / 4).compactMap { bytes.u32(at: 4 * $0) }
    guard let first = words.first, let last = words.last, first != last else { return false }
    let steps = zip(words, words.dropFirst()).map { Int($1) - Int($0) }
    // In layout C a symbol at the same address is 4 bytes less away; entries that count down from
    // the base (`KALLSYMS_ABSOLUTE_PERCPU`) descend.
    return steps.allSatisfy { (-4..<1 << 20).contains($0) }
      || steps.allSatisfy { (-1 << 20...0).contains($0) }
  }

  /// How these offsets are written, or nil when they are not a table of offsets: addresses ascend in
  /// either way. Of a table that begins in front of the region (`offsets` is negative) the rest is
  /// looked at.
  static func addressing(
    base: UInt64, offsets: Int, count: Int, _ region: MemoryRegion
  ) -> Addressing? {
    // Per-CPU offsets come first; the last symbol is at an address.
    guard let last = region.bytes.u32(at: offsets + 4 * (count - 1)) else { return nil }
    let addressing: Addressing =
      last < 1 << 31 ? .relative(base: base) : .absolutePerCPU(base: base)
    return ascending(addressing, offsets: offsets, count: count, region) ? addressing : nil
  }

  static func ascending(
    _ addressing: Addressing, offsets: Int, count: Int, _ region: MemoryRegion
  ) -> Bool {
    var last: UInt64 = 0
    var first: UInt64?
    for at in stride(from: offsets < 0 ? offsets & 3 : offsets, to: offsets + 4 * count, by: 4) {
      guard let address = address(addressing, at: at, region), address >= last else { return false }
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
    var symbols = KernelSymbols.Builder()
    symbols.reserve(symbols: count, textBytes: 24 * count)
    for index in 0..<count {
      guard let (length, first) = Self.nameLength(at: at, region), first + length <= region.end,
        let address = Self.address(addressing, at: offsets + 4 * index, region)
      else { return nil }
      at = first + length
      symbols.append(tokens: first..<at, tokens, region.bytes)
      symbols.finish(address: address)
      guard symbols.textSize < Self.maxNameBytes else { return nil }
    }
    return symbols.symbols()
  }
}
