import GuestScopeGuestMemory

extension PageTableFormat {
  /// The tables below TTBR1_EL1, as TCR_EL1 describes them. Arm ARM (DDI 0487) D8.2 and D8.3,
  /// arch/arm64/include/asm/pgtable-hwdef.h.
  ///
  /// - Returns: nil when the register has a granule or a size that does not exist: it was not set
  ///   up yet.
  public static func aarch64(tcr: TranslationControl) -> Self? {
    guard let granule = tcr.granule else { return nil }
    let pageShift = granule.pageShift
    guard (tcr.virtualBits > pageShift) && (16...tcr.maxVirtualBits).contains(tcr.virtualBits)
    else { return nil }
    // A table fills a page of 8-byte entries; the root has what is left.
    let stride = pageShift - 3
    var levels: [Level] = []
    for shift in Swift.stride(from: pageShift, to: tcr.virtualBits, by: stride) {
      let leaf: LeafRule =
        shift == pageShift
        ? .always(pageBit: 1)
        : shift <= granule.largestBlockShift(tcr.hasWidePhysicalAddresses)
          ? .whenClear(bit: 1) : .never(tableBit: 1)
      levels.insert(
        Level(shift: shift, indexBits: min(stride, tcr.virtualBits - shift), leaf: leaf), at: 0)
    }
    return Self(
      name: "arm64 \(1 << (pageShift - 10))K pages, \(tcr.virtualBits) bits", levels: levels,
      kernelBits: tcr.virtualBits, addressMask: tcr.addressMask(granule),
      highBits: granule.highBits(isLPA2: tcr.isLPA2),
      // AP[2] and APTable[1], PXN and PXNTable.
      writable: PermissionBit(bit: 7, tableBit: 62, grantsWhenSet: false),
      executable: PermissionBit(bit: 53, tableBit: 59, grantsWhenSet: false),
      ignoresTopByte: tcr.ignoresTopByte)
  }
}

/// TCR_EL1, as far as it is about the kernel's half of the address space.
public struct TranslationControl: Hashable, Sendable {
  public var rawValue: UInt64

  public init(_ rawValue: UInt64) { self.rawValue = rawValue }

  /// The size of a page.
  public enum Granule: Hashable, Sendable {
    case kib4, kib16, kib64

    var pageShift: Int {
      switch self {
      case .kib4: 12
      case .kib16: 14
      case .kib64: 16
      }
    }

    /// The shift of the highest level that may map memory itself.
    func largestBlockShift(_ hasWidePhysicalAddresses: Bool) -> Int {
      switch self {
      case .kib4: hasWidePhysicalAddresses ? 39 : 30
      case .kib16: hasWidePhysicalAddresses ? 36 : 25
      case .kib64: hasWidePhysicalAddresses ? 42 : 29
      }
    }

    func highBits(isLPA2: Bool) -> HighBits? {
      // With 64K pages bits 15:12 are 51:48, and zeros where addresses have 48 bits.
      if self == .kib64 { return HighBits(from: 12, count: 4, to: 48) }
      return isLPA2 ? HighBits(from: 8, count: 2, to: 50) : nil
    }

    typealias HighBits = PageTableFormat.HighBits
  }

  /// TG1, whose encoding is not TG0's; nil for the reserved one.
  public var granule: Granule? {
    switch rawValue >> 30 & 3 {
    case 1: .kib16
    case 2: .kib4
    case 3: .kib64
    default: nil
    }
  }

  /// 64 - T1SZ.
  public var virtualBits: Int { 64 - Int(rawValue >> 16 & 0x3f) }

  /// TBI1.
  public var ignoresTopByte: Bool { rawValue >> 38 & 1 == 1 }

  /// DS: 52-bit addresses with pages of 4K or 16K (FEAT_LPA2).
  public var isLPA2: Bool { rawValue >> 59 & 1 == 1 && granule != .kib64 }

  /// Physical addresses of 52 bits; with 64K pages IPS says so (FEAT_LPA).
  var hasWidePhysicalAddresses: Bool {
    isLPA2 || (granule == .kib64 && rawValue >> 32 & 7 == 6)
  }

  var maxVirtualBits: Int { isLPA2 || granule == .kib64 ? 52 : 48 }

  func addressMask(_ granule: Granule) -> UInt64 {
    let end: UInt64 = 1 << (isLPA2 ? 50 : 48)
    return (end - 1) & ~(1 << UInt64(granule.pageShift) - 1)
  }

  /// The physical address of the tables that a TTBR1_EL1 names: without the ASID (63:48) and CnP
  /// (bit 0), and with bits 5:2 in place where they are address bits 51:48.
  public func root(ttbr1: UInt64) -> PhysicalAddress {
    let base = ttbr1 & 0x0000_ffff_ffff_fffe
    guard hasWidePhysicalAddresses else { return PhysicalAddress(base) }
    return PhysicalAddress(base & ~0x3f | (ttbr1 >> 2 & 0xf) << 48)
  }
}
