import GuestScopeBTF
import GuestScopeBytes

extension KernelFacts {
  /// Reads an arm64 Image: the memory of the kernel from `_text` on, without section headers.
  init(arm64Image bytes: [UInt8], _ origin: Origin) {
    // Where a kernel with 48-bit addresses is linked (KIMAGE_VADDR). From 7.0 on nothing in the
    // file depends on it.
    var baseAddress: UInt64 = 0xffff_8000_8000_0000
    let region = MemoryRegion(bytes, address: baseAddress)
    let tables = KallsymsTables.search(region).tables
    var symbols: KernelSymbols?
    if let tables {
      let base = tables.relativeBase ?? tables.relocatedBase(in: region)
      // The lowest symbol is less than 2 MiB above `_text`, which is linked to a multiple of that
      // (MIN_KIMG_ALIGN).
      if let base { baseAddress = base & ~0x1f_ffff }
      symbols = tables.symbols(in: region, base: base)
    }
    let image = MemoryRegion(bytes, address: baseAddress)
    let btf = image.btf(symbols)
    // `linux_banner` is data, and in every kernel.
    let lacksData = symbols.map { $0.address(of: "linux_banner") == nil } ?? false
    if lacksData { symbols = symbols?.addingExports(of: image) }
    self.init(
      origin: origin, architecture: .arm64,
      banner: linuxBanner(in: region, upTo: tables?.startAddress),
      notes: image.notes(symbols, btfAddress: btf?.address), btf: btf?.blob,
      baseAddress: baseAddress, symbols: symbols,
      imageToSearch: lacksData ? ImagePieces([image], isRunning: false) : nil)
  }
}

extension KallsymsTables {
  /// `kallsyms_relative_base` if the file holds it.
  fileprivate var relativeBase: UInt64? {
    if case .relative(let base) = addressing, base != 0 { base } else { nil }
  }

  /// `kallsyms_relative_base` as the kernel's own relocation (`R_AARCH64_RELATIVE`) fills it in at
  /// boot.
  fileprivate func relocatedBase(in region: MemoryRegion) -> UInt64? {
    guard let relativeBaseAddress else { return nil }
    let place = relativeBaseAddress &- region.address
    let bytes = region.bytes
    let rAArch64Relative: UInt64 = 1027
    // Elf64_Rela: r_offset, r_info, r_addend. The base is linked into the same 2 MiB as the image's
    // start.
    for at in stride(from: 0, to: bytes.count - 23, by: 8) {
      guard let offset = bytes.u64(at: at), (offset &- place) & 0x1f_ffff == 0,
        bytes.u64(at: at + 8) == rAArch64Relative, let addend = bytes.u64(at: at + 16),
        addend & ~0x1f_ffff == offset &- place, addend & 0xfff == 0
      else { continue }
      return addend
    }
    return nil
  }
}
