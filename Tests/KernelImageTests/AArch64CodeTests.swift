import GuestScopeBytes
import Testing

@testable import GuestScopeKernelImage

/// Addresses read out of instructions. The words are what GNU as makes of the text beside them.
@Suite struct AArch64CodeTests {
  private static let start: UInt64 = 0xffff_8000_0801_0ff8

  private func references(_ words: [UInt32]) -> Set<UInt64> {
    var bytes: [UInt8] = []
    for word in words { bytes.append(littleEndian: word) }
    let region = MemoryRegion(bytes, address: Self.start)
    return AArch64Code(ImagePieces([region], isRunning: false)).references(
      in: Self.start..<Self.start + UInt64(bytes.count))
  }

  /// The page of the code, and one.
  private static let page: UInt64 = 0xffff_8000_0801_1000

  @Test func aPageAndWhatIsAddedToIt() {
    // adrp x0, +1 page; add x0, x0, #0x640; add x1, x0, #0x180
    #expect(
      references([0xb000_0000, 0x9119_0000, 0x9106_0001]) == [Self.page + 0x640, Self.page + 0x7c0])
    // adrp x19, -1 page (from the first page); ldr w1, [x19, #8]; ldr x2, [x19, #8]
    #expect(
      references([0xf0ff_fff3, 0xb940_0a61, 0xf940_0662]) == [Self.page - 0x1ff8])
    // adr x3, .-4
    #expect(references([0xd503_201f, 0x10ff_ffe3]) == [Self.start])
  }

  @Test func anOverwrittenRegisterIsForgotten() {
    // adrp x0; mov x0, x1; add x0, x0, #0x640
    #expect(references([0xb000_0000, 0xaa01_03e0, 0x9119_0000]) == [])
    // A call keeps x19, not x0. adrp x0; adrp x19; bl .; add x0, x0, #8; add x19, x19, #16
    #expect(
      references([0xb000_0000, 0xb000_0013, 0x9400_0000, 0x9100_2000, 0x9100_4273])
        == [Self.page + 16])
    // A 32-bit add is no address. adrp x0; add w0, w0, #0x640
    #expect(references([0xb000_0000, 0x1119_0000]) == [])
  }

  @Test func codeThatIsNotThereNamesNothing() {
    let region = MemoryRegion([0, 0, 0, 0xb0], address: Self.start)
    let code = AArch64Code(ImagePieces([region], isRunning: false))
    #expect(code.references(in: Self.start..<Self.start + 64) == [])
    #expect(code.references(in: 0..<64) == [])
  }
}

/// `__ksymtab` in bytes.
@Suite struct ExportedSymbolsTests {
  private static let address: UInt64 = 0xffff_8000_0800_0000

  /// A table of functions and one variable at 4096, their names behind it.
  private func region(count: Int) -> (MemoryRegion, KernelSymbols) {
    let names = (0..<count).map { $0 == count / 2 ? "init_task" : "function_\($0)" }
    var bytes = [UInt8](repeating: 0xff, count: 4096 + 12 * count)
    bytes.append(0)
    let empty = bytes.count - 1
    var symbols: [KernelSymbols.Symbol] = []
    for (index, name) in names.enumerated() {
      let (entry, value) = (4096 + 12 * index, 16 * index)
      for (field, target) in [value, bytes.count, empty].enumerated() {
        var word: [UInt8] = []
        word.append(littleEndian: Int32(target - entry - 4 * field))
        bytes.replaceSubrange(entry + 4 * field..<entry + 4 * field + 4, with: word)
      }
      bytes += Array(name.utf8) + [0]
      if name != "init_task" {
        symbols.append(.init(name: name, address: Self.address + UInt64(value), type: "T"))
      }
    }
    return (MemoryRegion(bytes, address: Self.address), KernelSymbols().merging(symbols))
  }

  @Test func allEntriesAreFoundFromOne() throws {
    let (region, symbols) = region(count: 600)
    let exported = try #require(ExportedSymbols(in: region, checkedBy: symbols))
    #expect(exported.entries.count == 600)
    let task = try #require(exported.entries.first { $0.name == "init_task" })
    #expect(task.address == Self.address + 16 * 300)
  }

  @Test func aTableThatContradictsTheKnownSymbolsIsRefused() {
    let (region, symbols) = region(count: 600)
    #expect(ExportedSymbols(in: region, checkedBy: symbols.slid(by: 16)) == nil)
    #expect(ExportedSymbols(in: region, checkedBy: KernelSymbols()) == nil)
  }

  @Test func aShortTableIsNone() {
    let (region, symbols) = region(count: 400)
    #expect(ExportedSymbols(in: region, checkedBy: symbols) == nil)
  }
}

/// Symbols that are put between others.
@Test func mergedSymbolsAreInOrder() {
  let half: UInt64 = 1 << 63
  let some = KernelSymbols().merging([
    .init(name: "b", address: half + 2, type: "T"),
    .init(name: "d", address: half + 4, type: "t"),
  ])
  let all = some.merging([
    .init(name: "e", address: half + 5, type: "D"),
    .init(name: "a", address: half + 1, type: "D"),
    .init(name: "c", address: half + 2, type: "d"),
  ])
  #expect(all.map(\.name) == ["a", "b", "c", "d", "e"])
  #expect(all.map(\.type) == ["D", "T", "d", "t", "D"])
  #expect(all.address(of: "c") == half + 2)
}
