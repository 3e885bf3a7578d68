import GuestScopeBTF
import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelImage

extension KernelFacts {
  /// Reads the facts of a running kernel from its own image: symbols from kallsyms, types from BTF.
  ///
  /// What a damaged image may have is refused, for there is no file to compare it with. The symbols
  /// are at the addresses of this boot, and so is `baseAddress`.
  init(
    in image: ImageReader, _ architecture: Architecture, _ recipes: [SymbolRecipe]
  ) throws(KernelError) {
    guard let (tables, found) = try image.kallsyms() else {
      throw .inMemory(
        .noSymbolTable, release: try image.location.banner(image.engine)?.kernelRelease)
    }
    var region = found
    // In front of the tables, or up to 5.10 at the beginning of the read-only data.
    var banner = linuxBanner(in: region, upTo: tables.startAddress)
    if banner == nil { banner = try image.location.banner(image.engine) }
    let release = banner?.kernelRelease
    func refused(_ fault: ImageFault) -> KernelError {
      .inMemory(fault, release: release)
    }
    guard let symbols = tables.symbols(in: region) else { throw refused(.noSymbolTable) }
    if let seqs = tables.seqsOfNames { region = try image.extend(region, to: seqs) ?? region }
    if let fault = tables.fault(of: symbols, in: region) {
      throw refused(.damagedSymbolTable(fault))
    }
    guard image.isBegun(by: symbols, architecture) else {
      throw refused(.damagedSymbolTable("the code does not begin where _stext and _text say"))
    }

    // Without data symbols, nothing says where the types and the notes are.
    let lacksData = symbols.address(of: "linux_banner") == nil
    let data = lacksData ? try image.extend(region, to: image.data) ?? region : nil
    let (types, notes) = try image.typesAndNotes(symbols, in: data)
    guard let types else { throw refused(.noTypes) }
    do throws(BTFError) {
      try BTF(types.blob).check()
    } catch {
      throw refused(.damagedTypes(error))
    }
    self.init(
      origin: Origin(name: "guest memory", kind: .memory), architecture: architecture,
      banner: banner, notes: notes, btf: types.blob, baseAddress: image.location.start.rawValue,
      symbols: symbols)
    if let data { self = try adding(recipes, in: image, data) }
  }
}

extension ImageReader {
  /// True when symbols say the same as the page tables of where the code begins.
  fileprivate func isBegun(
    by symbols: KernelSymbols, _ architecture: KernelFacts.Architecture
  ) -> Bool {
    let base = symbols.address(of: "_text") ?? location.start.rawValue
    return architecture.rules.slides(of: symbols, base: base, at: location).contains(0)
  }

  /// The BTF and the notes with the build-id, and where they begin.
  ///
  /// - Parameter whole: all read-only data, to be searched; nil where symbols say where they are.
  fileprivate func typesAndNotes(
    _ symbols: KernelSymbols, in whole: MemoryRegion?
  ) throws(KernelError) -> (
    types: (address: UInt64, blob: SharedBytes)?, notes: (address: UInt64, bytes: [UInt8])?
  ) {
    if let whole {
      let types = whole.btf(symbols)
      return (types, whole.notes(symbols, btfAddress: types?.address))
    }
    guard let typeRange = range("__start_BTF", "__stop_BTF", symbols) else { return (nil, nil) }
    let noteRange =
      range("__start_notes", "__stop_notes", symbols) ?? data.lowerBound..<data.lowerBound
    let regions = try regions([typeRange, noteRange])
    return (
      regions[0].flatMap { $0.btf(symbols) },
      regions[1].flatMap { $0.notes(symbols, btfAddress: nil) }
    )
  }

  /// A stretch of the read-only data between two symbols.
  private func range(_ first: String, _ last: String, _ symbols: KernelSymbols) -> Range<UInt64>? {
    guard let first = symbols.address(of: first), let last = symbols.address(of: last),
      first < last, data.lowerBound <= first, last <= data.upperBound
    else { return nil }
    return first..<last
  }
}
