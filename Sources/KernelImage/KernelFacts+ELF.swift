import GuestScopeBytes

extension KernelFacts {
  /// Reads a vmlinux.
  init(_ elf: ELFFile, _ origin: Origin) throws(KernelImageError.Reason) {
    let architecture: Architecture
    switch elf.machine {
    case 62: architecture = .x86
    case 183: architecture = .arm64
    default: throw .wrongMachine(elf.machine)
    }
    let memory = elf.memory
    guard let baseAddress = memory.map(\.address).min() else {
      throw .notAKernel
    }

    var symbols = try elf.symbols()
    var banner: String?
    // Files that other tools made have no `.rodata`: all memory is searched then.
    let rodata = elf.section(".rodata").flatMap { $0.range.isEmpty ? nil : $0 }
    for (range, address) in rodata.map({ [($0.range, $0.address)] }) ?? memory
    where symbols == nil || banner == nil {
      let region = MemoryRegion(try elf.bytes(range), address: address)
      let tables = symbols == nil ? KallsymsTables.search(region).tables : nil
      symbols = symbols ?? tables?.symbols(in: region)
      let place = tables?.startAddress ?? symbols?.address(of: "linux_banner")
      banner = banner ?? linuxBanner(in: region, upTo: place)
    }

    var notes = try elf.contents(of: ".notes").map { (elf.section(".notes")?.address ?? 0, $0) }
    var btf = try elf.contents(of: ".BTF").flatMap { $0.isEmpty ? nil : SharedBytes($0) }
    for (range, address) in memory where btf == nil {
      let region = MemoryRegion(try elf.bytes(range), address: address)
      guard let found = region.btf(symbols) else { continue }
      btf = found.blob
      notes = notes ?? region.notes(symbols, btfAddress: found.address)
    }
    self.init(
      origin: origin, architecture: architecture, banner: banner, notes: notes, btf: btf,
      baseAddress: baseAddress, symbols: symbols)
  }
}
