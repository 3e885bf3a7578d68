import Bytes

extension KernelImage {
  /// Reads a vmlinux.
  init(_ elf: ELFFile, name: String) throws(KernelImageError.Reason) {
    let architecture: Architecture
    switch elf.machine {
    case 62: architecture = .x86
    case 183: architecture = .arm64
    default: throw .wrongMachine(elf.machine)
    }
    let loads = elf.segments.filter { segment in
      segment.type == ELFFile.ptLoad && !KernelSymbols.isAbsolute(segment.virtualAddress)
    }
    guard let baseAddress = loads.map(\.virtualAddress).min() else {
      throw .notAKernel
    }

    var symbols = try elf.symbols()
    var banner: String?
    // Without section headers the segments are searched as a whole.
    let places =
      elf.section(".rodata").map { [($0.range, $0.address)] }
      ?? loads.map { ($0.range, $0.virtualAddress) }
    for (range, address) in places where symbols == nil || banner == nil {
      let region = MemoryRegion(try elf.bytes(range), address: address)
      let tables = symbols == nil ? KallsymsTables.search(region).tables : nil
      symbols = symbols ?? tables?.symbols(in: region)
      let place = tables?.startAddress ?? symbols?.address(of: "linux_banner")
      banner = banner ?? linuxBanner(in: region, upTo: place)
    }
    self.init(
      name: name, architecture: architecture, banner: banner,
      notes: try elf.contents(of: ".notes").map { (elf.section(".notes")?.address ?? 0, $0) },
      btf: try elf.contents(of: ".BTF"), baseAddress: baseAddress, symbols: symbols)
  }
}
