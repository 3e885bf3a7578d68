import Bytes

extension KernelImage {
  /// Reads a vmlinux.
  init(elf bytes: [UInt8], name: String) throws(KernelImageError) {
    let elf: ELFFile
    var symbols: KernelSymbols?
    do {
      elf = try ELFFile(bytes)
      symbols = try elf.symbols()
    } catch {
      throw KernelImageError(name: name, reason: .init(error))
    }
    let architecture: Architecture
    switch elf.machine {
    case 62: architecture = .x86
    case 183: architecture = .arm64
    default: throw KernelImageError(name: name, reason: .wrongMachine(elf.machine))
    }
    let loads = elf.segments.filter { segment in
      segment.type == ELFFile.ptLoad && !KernelSymbols.isAbsolute(segment.virtualAddress)
    }
    guard let baseAddress = loads.map(\.virtualAddress).min() else {
      throw KernelImageError(name: name, reason: .notAKernel)
    }

    var banner: String?
    // Without section headers the segments are searched as a whole.
    let places =
      elf.section(".rodata").map { [($0.range, $0.address)] }
      ?? loads.map { ($0.range, $0.virtualAddress) }
    for (range, address) in places {
      let region = MemoryRegion(elf.bytes, range: range, address: address)
      let tables = KallsymsTables.search(region).tables
      symbols = symbols ?? tables?.symbols(in: region)
      banner = banner ?? linuxBanner(in: region, before: tables)
    }
    self.init(
      name: name, architecture: architecture, banner: banner,
      notes: elf.section(".notes").flatMap { section in
        elf.contents(of: ".notes").map { (section.address, $0) }
      }, btf: elf.contents(of: ".BTF"), baseAddress: baseAddress, symbols: symbols)
  }
}

extension KernelImageError.Reason {
  fileprivate init(_ failure: ELFFile.Failure) {
    self =
      switch failure {
      case .notELF: .notAKernel
      case .not64BitLittleEndian: .not64BitLittleEndian
      case .outside(let what, let offset): .outside(what, offset: offset)
      }
  }
}
