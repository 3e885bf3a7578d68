import GuestScopeBTF
import GuestScopeBytes
import GuestScopeKernelImage
import TestSupport
import Testing

@Suite struct Arm64ImageTests {
  static let base: UInt64 = 0xffff_8000_0800_0000
  static let size = 0x20_0000
  static let banner = "Linux version 6.1.0-arm (a@b) (gcc) #1"

  /// An Image with tables at 64 KiB, notes and BTF at 1 MiB, as small as it can be.
  private func image(
    _ layout: KallsymsBuilder.Layout, _ symbols: [KallsymsBuilder.Symbol], base: UInt64,
    storedBase: UInt64? = nil, relocated: Bool = false
  ) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Self.size)
    func put(_ part: [UInt8], at offset: Int) {
      bytes.replaceSubrange(offset..<offset + part.count, with: part)
    }
    func words(_ values: UInt64...) -> [UInt8] {
      var out: [UInt8] = []
      for value in values { out.append(littleEndian: value) }
      return out
    }
    put(Array("MZ".utf8), at: 0)
    put(Array("ARM\u{64}".utf8), at: 56)
    put(Array((Self.banner + "\n").utf8), at: 0xff00)
    let builder = KallsymsBuilder(
      layout: layout, symbols: symbols, base: base, storedBase: storedBase)
    let tables = builder.bytes(at: Self.base + 0x10000)
    put(tables, at: 0x10000)
    if relocated {
      // Layout A: the base comes behind the offsets. Other relocations must not be taken for it.
      let place = Self.base + UInt64(0x10000 + (4 * symbols.count + 7) / 8 * 8)
      put(
        words(
          place + 0x1000, 1027, base, place + 0x20_0000, 1027, base + 0x5000, place, 257,
          base + 0x1000,
          place, 1027, base), at: 0x18_0000)
    }
    put(ELFBuilder.notes, at: 0xf_ff00)
    put(Self.types, at: 0x10_0000)
    return bytes
  }

  static let types: [UInt8] = {
    // One int, and strings.
    var blob: [UInt8] = [0x9f, 0xeb, 1, 0]
    for word in [24, 0, 16, 16, 5, 1, 1 << 24, 4, 32] as [UInt32] {
      blob.append(littleEndian: word)
    }
    return blob + [0, 0x69, 0x6e, 0x74, 0]
  }()

  private static func symbols(_ start: UInt64) -> [KallsymsBuilder.Symbol] {
    KallsymsBuilder.sampleSymbols.dropFirst().map {
      .init(name: $0.name, type: $0.type, address: $0.address - KallsymsBuilder.text + start)
    }
  }

  private static let sections: [KallsymsBuilder.Symbol] = [
    .init(name: "__start_notes", type: "R", address: base + 0xf_ff00),
    .init(
      name: "__stop_notes", type: "R", address: base + 0xf_ff00 + UInt64(ELFBuilder.notes.count)),
    .init(name: "__start_BTF", type: "R", address: base + 0x10_0000),
    .init(name: "__stop_BTF", type: "R", address: base + 0x10_0000 + UInt64(types.count)),
  ]

  private func check(_ image: KernelFacts, base: UInt64) throws {
    #expect(image.architecture == .arm64)
    #expect(image.origin.kind == (image.origin.name == "Image" ? .image : .vmlinuz))
    #expect(image.release == "6.1.0-arm")
    #expect(image.buildID == ELFBuilder.buildID)
    #expect(image.btf == SharedBytes(Self.types))
    #expect(image.baseAddress == base)
    #expect(try image.types().endID == 2)
  }

  @Test(arguments: [KallsymsBuilder.Layout.b, .aWithSequences])
  func theStoredBaseIsTheLinkAddress(layout: KallsymsBuilder.Layout) throws {
    let symbols = Self.symbols(Self.base + 0x10000)
    let bytes = image(layout, symbols, base: Self.base + 0x10000)
    let image = try KernelFacts(bytes: bytes, name: "Image")
    try check(image, base: Self.base)
    #expect(try image.symbols.address(of: "_stext") == Self.base + 0x10000)
  }

  @Test func aBaseOfZeroIsTakenFromItsRelocation() throws {
    let symbols = Self.symbols(Self.base + 0x10000)
    let bytes = image(.a, symbols, base: Self.base + 0x10000, storedBase: 0, relocated: true)
    let image = try KernelFacts(bytes: bytes, name: "Image")
    try check(image, base: Self.base)
    #expect(try image.symbols.address(of: "_stext") == Self.base + 0x10000)
  }

  @Test func withAllSymbolsTheSectionsAreBetweenTheirs() throws {
    var bytes = image(
      .aWithSequences, Self.sections, base: Self.base, storedBase: nil)
    // Something that looks like BTF in front of it.
    bytes.replaceSubrange(0x8_0000..<0x8_0008, with: Self.types.prefix(8))
    try check(KernelFacts(bytes: bytes, name: "Image"), base: Self.base)
  }

  @Test func withoutALinkAddressSymbolsAreRelativeToANominalOne() throws {
    let symbols = Self.symbols(Self.base + 0x10000)
    let image = try KernelFacts(
      bytes: image(.c, symbols, base: 0), name: "Image")
    let base: UInt64 = 0xffff_8000_8000_0000
    try check(image, base: base)
    #expect(try image.symbols.address(of: "_stext") == base + 0x10000)
  }

  @Test func compressedImages() throws {
    let bytes = image(.c, Self.symbols(Self.base + 0x10000), base: 0)
    for file in [compressed(bytes, "gzip"), zboot(compressed(bytes, "zstd"), size: bytes.count)] {
      try check(KernelFacts(bytes: file, name: "Image.gz"), base: 0xffff_8000_8000_0000)
    }
  }
}
