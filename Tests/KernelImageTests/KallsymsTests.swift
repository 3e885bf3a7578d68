import GuestScopeBytes
import GuestScopeKernelImage
import TestSupport
import Testing

extension KallsymsBuilder: CustomTestStringConvertible {}

@Suite struct KallsymsTests {
  static let address: UInt64 = 0xffff_ffff_8200_0000

  static let builders: [KallsymsBuilder] =
    KallsymsBuilder.Layout.allCases.map {
      KallsymsBuilder(layout: $0, symbols: KallsymsBuilder.sampleSymbols)
    }
    + [.a, .aWithSequences, .b].map {
      KallsymsBuilder(layout: $0, symbols: KallsymsBuilder.withPerCPU, absolutePerCPU: true)
    }

  private func check(_ symbols: KernelSymbols?, _ expected: [KallsymsBuilder.Symbol]) throws {
    let symbols = try #require(symbols)
    #expect(symbols.count == expected.count)
    let wrong = zip(symbols, expected).first {
      $0.name != $1.name || $0.type != $1.type || $0.address != $1.address
    }
    #expect(wrong == nil)
  }

  @Test(arguments: builders)
  func everyLayoutIsFoundAndDecoded(builder: KallsymsBuilder) throws {
    let region = MemoryRegion(builder.bytes(at: Self.address), address: Self.address)
    let tables = try #require(KallsymsTables.search(region).tables)
    let expected: KallsymsTables.Addressing =
      if builder.layout == .c {
        .selfRelative
      } else {
        builder.absolutePerCPU ? .absolutePerCPU(base: builder.base) : .relative(base: builder.base)
      }
    #expect(tables.addressing == expected)
    #expect(tables.count == builder.symbols.count)
    try check(tables.symbols(in: region), builder.symbols)
  }

  @Test(arguments: builders, [4096, 4096 + 24])
  func tablesAreFoundAmongOtherBytes(builder: KallsymsBuilder, before: Int) throws {
    var random = SplitMix(state: 1)
    func noise(_ count: Int) -> [UInt8] {
      (0..<count).map { _ in .random(in: .min ... .max, using: &random) }
    }
    // Character sets (fs/nls) look like a token table up to the missing index.
    let charset = (0x21...0x7e).flatMap { [UInt8($0), 0] } as [UInt8]
    var bytes = noise(before - charset.count) + charset
    bytes += builder.bytes(at: Self.address + UInt64(before)) + charset + noise(5000)
    let region = MemoryRegion(bytes, address: Self.address)
    let tables = try #require(KallsymsTables.search(region).tables)
    try check(tables.symbols(in: region), builder.symbols)
  }

  @Test(arguments: [KallsymsBuilder.Layout.a, .b])
  func aBaseThatIsFilledInAtBootCanBeGiven(layout: KallsymsBuilder.Layout) throws {
    let builder = KallsymsBuilder(
      layout: layout, symbols: KallsymsBuilder.sampleSymbols, storedBase: 0)
    let bytes = builder.bytes(at: Self.address)
    let region = MemoryRegion(bytes, address: Self.address)
    let tables = try #require(KallsymsTables.search(region).tables)
    #expect(tables.addressing == .relative(base: 0))
    let place = Int(try #require(tables.relativeBaseAddress) - Self.address)
    #expect(bytes.u64(at: place) == 0)
    try check(tables.symbols(in: region, base: builder.base), builder.symbols)
  }

  /// A caller who reads guest memory starts with a piece of the tables and adds what the search
  /// asks for.
  @Test(arguments: builders)
  func aSearchInAPieceAsksForTheRest(builder: KallsymsBuilder) throws {
    let padding = 64 * 1024
    let tables = builder.bytes(at: Self.address + UInt64(padding))
    let all = [UInt8](repeating: 0, count: padding) + tables + [UInt8](repeating: 0, count: padding)
    // Where the probes of the offsets hit: all of them and a little around.
    let count = 4 * builder.symbols.count
    var piece =
      switch builder.layout {
      case .a, .aWithSequences: padding + count / 2..<padding + count + 4096
      case .b, .c: padding + tables.count - 2 * count - 4096..<padding + tables.count - count
      }
    for _ in 0..<4 {
      let region = MemoryRegion(
        Array(all[piece]), address: Self.address + UInt64(piece.lowerBound))
      switch KallsymsTables.search(region) {
      case .found(let tables):
        try check(tables.symbols(in: region), builder.symbols)
        return
      case .needs(let addresses):
        let low = Int(addresses.lowerBound - Self.address)
        let high = min(Int(addresses.upperBound - Self.address), all.count)
        try #require(low < piece.lowerBound || high > piece.upperBound)
        piece = min(low, piece.lowerBound)..<max(high, piece.upperBound)
      case .absent:
        Issue.record("not found in \(piece)")
        return
      }
    }
    Issue.record("still not enough: \(piece)")
  }

  @Test(arguments: builders)
  func damagedTablesAreNotDecoded(builder: KallsymsBuilder) throws {
    let good = builder.bytes(at: Self.address)
    let count = 4 * builder.symbols.count
    let region = MemoryRegion(good, address: Self.address)
    let tables = try #require(KallsymsTables.search(region).tables)
    // The length of the first name, and an offset in the middle.
    for address in [tables.namesAddress, tables.offsetsAddress + UInt64(count / 8 * 4 + 2)] {
      var bad = good
      bad[Int(address - Self.address)] ^= 1
      #expect(KallsymsTables.search(MemoryRegion(bad, address: Self.address)).tables == nil)
    }
  }

  @Test(arguments: builders)
  func aWrongMarkerIsSeen(builder: KallsymsBuilder) throws {
    var bytes = builder.bytes(at: Self.address)
    let markers = builder.encodedNames.markers.prefix(3)
    let place = try #require(
      bytes.indices.first { at in
        markers.enumerated().allSatisfy { bytes.u32(at: at + 4 * $0).map(Int.init) == $1 }
      })
    bytes[place + 8] ^= 1
    #expect(KallsymsTables.search(MemoryRegion(bytes, address: Self.address)).tables == nil)
  }

  @Test func layoutCIsAlignedTo4() throws {
    let builder = KallsymsBuilder(layout: .c, symbols: KallsymsBuilder.sampleSymbols)
    for before in [0, 4] {
      let bytes =
        [UInt8](repeating: 0, count: before) + builder.bytes(at: Self.address + UInt64(before))
      let region = MemoryRegion(bytes, address: Self.address)
      let tables = try #require(KallsymsTables.search(region).tables)
      try check(tables.symbols(in: region), builder.symbols)
    }
  }

  @Test(arguments: builders)
  func offsetsAreToldFromOtherBytes(builder: KallsymsBuilder) throws {
    let bytes = builder.bytes(at: Self.address)
    let tables = try #require(
      KallsymsTables.search(MemoryRegion(bytes, address: Self.address)).tables)
    let offsets = Int(tables.offsetsAddress - Self.address)
    let names = Int(tables.namesAddress - Self.address)
    #expect(KallsymsTables.mayBeOffsets(Array(bytes[offsets + 400..<offsets + 464])))
    #expect(!KallsymsTables.mayBeOffsets(Array(bytes[names + 400..<names + 464])))
    #expect(!KallsymsTables.mayBeOffsets([UInt8](repeating: 0, count: 64)))
  }

  @Test func mutatedTablesNeverCrash() {
    let seed = UInt64.random(in: 0 ... .max)
    print("seed of mutatedTablesNeverCrash: \(seed)")
    var random = SplitMix(state: seed)
    for builder in Self.builders {
      let good = builder.bytes(at: Self.address)
      for _ in 0..<30 {
        var bytes = good
        for _ in 0..<Int.random(in: 1...3, using: &random) {
          bytes[.random(in: bytes.indices, using: &random)] = .random(
            in: .min ... .max, using: &random)
        }
        let end = Int.random(in: 0...bytes.count, using: &random)
        if Bool.random(using: &random) { bytes.removeLast(bytes.count - end) }
        // A damaged header may put them at either end of the address space.
        let address = [Self.address, 0, UInt64.max - 0xfff].randomElement(using: &random)!
        let region = MemoryRegion(bytes, address: address)
        if let tables = KallsymsTables.search(region).tables {
          #expect(tables.symbols(in: region)?.count == builder.symbols.count)
        }
      }
    }
  }
}
