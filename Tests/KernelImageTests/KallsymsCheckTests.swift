import TestSupport
import Testing

@testable import GuestScopeKernelImage

/// `KallsymsTables.fault`: what shows that tables of the right form are damaged.
@Suite struct KallsymsCheckTests {
  private static let address: UInt64 = 0xffff_ffff_8200_0000

  /// - Parameter change: is given the bytes of the tables and where the numbers of the names are.
  private func fault(
    _ builder: KallsymsBuilder, _ change: (inout [UInt8], Range<Int>) -> Void = { _, _ in }
  ) throws -> String? {
    var bytes = builder.bytes(at: Self.address)
    var region = MemoryRegion(bytes, address: Self.address)
    let tables = try #require(KallsymsTables.search(region).tables)
    let seqs = try #require(tables.seqsOfNames)
    change(
      &bytes, Int(seqs.lowerBound - Self.address)..<Int(seqs.upperBound - Self.address))
    region = MemoryRegion(bytes, address: Self.address)
    return tables.fault(of: try #require(tables.symbols(in: region)), in: region)
  }

  static let layouts: [KallsymsBuilder.Layout] = [.aWithSequences, .b, .c]

  private func builder(
    _ layout: KallsymsBuilder.Layout, _ names: [String] = []
  ) -> KallsymsBuilder {
    let more = names.enumerated().map { index, name in
      KallsymsBuilder.Symbol(
        name: name, type: "t", address: KallsymsBuilder.text + 0x200_0000 + UInt64(16 * index))
    }
    return KallsymsBuilder(layout: layout, symbols: KallsymsBuilder.sampleSymbols + more)
  }

  @Test(arguments: layouts)
  func soundTablesHaveNone(layout: KallsymsBuilder.Layout) throws {
    #expect(try fault(builder(layout)) == nil)
  }

  @Test func tablesWithoutNumbersHaveNone() throws {
    let builder = builder(.a)
    let region = MemoryRegion(builder.bytes(at: Self.address), address: Self.address)
    let tables = try #require(KallsymsTables.search(region).tables)
    #expect(tables.seqsOfNames == nil)
    #expect(tables.fault(of: try #require(tables.symbols(in: region)), in: region) == nil)
  }

  @Test(arguments: layouts)
  func twoNamesThatChangedPlacesAreSeen(layout: KallsymsBuilder.Layout) throws {
    let fault = try fault(builder(layout)) { bytes, seqs in
      for byte in 0..<3 { bytes.swapAt(seqs.lowerBound + 300 + byte, seqs.lowerBound + 600 + byte) }
    }
    #expect(fault == "its names are not in the order that kallsyms_seqs_of_names says")
  }

  @Test(arguments: layouts)
  func aNumberThatStandsTwiceIsSeen(layout: KallsymsBuilder.Layout) throws {
    let fault = try fault(builder(layout)) { bytes, seqs in
      let first = seqs.lowerBound + 300
      bytes.replaceSubrange(first + 3..<first + 6, with: Array(bytes[first..<first + 3]))
    }
    #expect(try #require(fault).contains("does not stand once in kallsyms_seqs_of_names"))
  }

  @Test(arguments: layouts)
  func aNumberBeyondTheSymbolsIsSeen(layout: KallsymsBuilder.Layout) throws {
    let fault = try fault(builder(layout)) { bytes, seqs in bytes[seqs.lowerBound + 300] = 0x10 }
    #expect(try #require(fault).contains("does not stand once in kallsyms_seqs_of_names"))
  }

  @Test(arguments: layouts)
  func numbersThatAreNotThereAreSeen(layout: KallsymsBuilder.Layout) throws {
    let builder = builder(layout)
    let whole = MemoryRegion(builder.bytes(at: Self.address), address: Self.address)
    let tables = try #require(KallsymsTables.search(whole).tables)
    let symbols = try #require(tables.symbols(in: whole))
    let end = Int(try #require(tables.seqsOfNames).upperBound - Self.address) - 1
    let region = MemoryRegion(Array(whole.bytes.prefix(end)), address: Self.address)
    #expect(tables.fault(of: symbols, in: region) == "it ends before kallsyms_seqs_of_names")
  }

  /// What kernels sort by differs: `.llvm.1` may count or not, and so may all from the first dot on.
  @Test(arguments: layouts)
  func suffixesMayBeSortedEitherWay(layout: KallsymsBuilder.Layout) throws {
    let names = [
      "work", "work.cold", "work.llvm.77", "work_fn", "work2", "work.isra.0",
      "__work.part.1.llvm.2",
      "$x.1",
    ]
    let builder = builder(layout, names)
    #expect(try fault(builder) == nil)
    // As kernels sort that take suffixes off: the dot does not come before `2` and `_`.
    let symbols = builder.symbols
    func key(_ index: Int) -> [UInt8] {
      Array(symbols[index].name.utf8.prefix { $0 != UInt8(ascii: ".") })
    }
    let order = symbols.indices.sorted {
      key($0) == key($1) ? $0 < $1 : key($0).lexicographicallyPrecedes(key($1))
    }
    let other = try fault(builder) { bytes, seqs in
      for (place, index) in zip(stride(from: seqs.lowerBound, to: seqs.upperBound, by: 3), order) {
        bytes.replaceSubrange(
          place..<place + 3,
          with: [UInt8(index >> 16), UInt8(index >> 8 & 0xff), UInt8(index & 0xff)])
      }
    }
    #expect(other == nil)
    #expect(order != builder.sequences)
  }

  /// A damaged token changes many names at once.
  @Test(arguments: layouts)
  func aDamagedNameIsSeen(layout: KallsymsBuilder.Layout) throws {
    let fault = try fault(builder(layout)) { bytes, _ in
      // `prog_idr`: a piece for `prog`, then letters.
      let name = [UInt8(ascii: "d"), 201] + Array("_idr".utf8)
      let place = bytes.indices.first { bytes[$0...].starts(with: name) }
      if let place { bytes[place + 3] = UInt8(ascii: "z") }
    }
    #expect(fault == nil, "it is still between its neighbours")
    let other = try self.fault(builder(layout)) { bytes, _ in
      let name = [UInt8(ascii: "d"), 201] + Array("_idr".utf8)
      let place = bytes.indices.first { bytes[$0...].starts(with: name) }
      if let place { bytes[place + 1] = UInt8(ascii: "a") }
    }
    #expect(other == "its names are not in the order that kallsyms_seqs_of_names says")
  }
}
