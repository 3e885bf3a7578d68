import BTF
import Bytes

extension KernelImage {
  /// Reads an arm64 Image: the memory of the kernel from `_text` on, without section headers.
  init(arm64Image bytes: [UInt8], name: String) {
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
    if let found = symbols, Arm64DataSymbols.areMissing(in: found) {
      let types = btf.flatMap { try? BTF($0.blob) }
      symbols = found.merging(
        Arm64DataSymbols(region: image, symbols: found, types: types).found())
    }
    self.init(
      name: name, architecture: .arm64, banner: linuxBanner(in: region, upTo: tables?.startAddress),
      notes: image.notes(symbols, btfAddress: btf?.address), btf: btf?.blob,
      baseAddress: baseAddress, symbols: symbols)
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

extension MemoryRegion {
  /// The BTF: between its two symbols, or where a header stands (without CONFIG_KALLSYMS_ALL).
  fileprivate func btf(_ symbols: KernelSymbols?) -> (address: UInt64, blob: [UInt8])? {
    if let start = symbols?.address(of: "__start_BTF"),
      let end = symbols?.address(of: "__stop_BTF"), let blob = bytes(from: start, to: end)
    {
      return (start, blob)
    }
    for at in stride(from: 0, to: end, by: 4) {
      guard let length = BTF.blobLength(at: at, in: bytes),
        let blob = bytes.bytes(at: at, count: length).map(Array.init), (try? BTF(blob)) != nil
      else { continue }
      return (address(of: at), blob)
    }
    return nil
  }

  /// The notes: between the symbols of `.notes`, or else the build-id's own in front of the BTF,
  /// which `.notes` precedes by a page at most.
  fileprivate func notes(
    _ symbols: KernelSymbols?, btfAddress: UInt64?
  ) -> (address: UInt64, bytes: [UInt8])? {
    if let start = symbols?.address(of: "__start_notes"),
      let end = symbols?.address(of: "__stop_notes"), let notes = bytes(from: start, to: end)
    {
      return (start, notes)
    }
    guard let btf = btfAddress.flatMap(offset(of:)) else { return nil }
    // A note of 20 bytes: its header and owner. Programs in the image (the vDSO) have one too, but
    // not near the BTF.
    let header: [UInt8] = [4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 0x47, 0x4e, 0x55, 0]
    let lowest = max(0, btf - 64 * 1024)
    for at in stride(from: aligned(btf - 36, to: 4), through: lowest, by: -4) {
      guard let note = bytes.bytes(at: at, count: 36), note.starts(with: header) else { continue }
      return (address(of: at), Array(note))
    }
    return nil
  }
}
