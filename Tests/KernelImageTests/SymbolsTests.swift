import GuestScopeKernelImage
import TestSupport
import Testing

@Suite struct SymbolsTests {
  let symbols: KernelSymbols
  let text = KallsymsBuilder.text

  init() throws {
    let builder = KallsymsBuilder(
      layout: .b, symbols: KallsymsBuilder.withPerCPU, absolutePerCPU: true)
    let address: UInt64 = 0xffff_ffff_8200_0000
    let region = MemoryRegion(builder.bytes(at: address), address: address)
    symbols = try #require(KallsymsTables.search(region).tables?.symbols(in: region))
  }

  @Test func addressesByName() throws {
    #expect(symbols.address(of: "prog_idr") == text + 0x100_1000)
    #expect(symbols.address(of: "percpu_3") == 24)
    #expect(symbols.address(of: "twice") == text + 0x100_0000)
    #expect(
      try symbols.named("twice").map(\.address) == [text + 0x100_0000, text + 0x100_2000])
    #expect(symbols.address(of: "prog_id") == nil)
    #expect(symbols.address(of: "") == nil)
    #expect(try symbols.named("missing").isEmpty)
    #expect(try symbols.named("").isEmpty)
  }

  @Test func staticSymbolsThatThinLTORenamed() throws {
    var builder = ELFBuilder.kernel()
    let names = [
      "prog_idr.llvm.13041973212388", "map_idr", "map_idr.llvm.1", "link_idr.llvm.2",
      "link_idr.llvm.33", "btf_idr.llvm.4.cold", "btf_idr.llvm.", "xprog_idr.llvm.5",
    ]
    builder.addSymbols(
      names.enumerated().map { ($1, 1, 1, KallsymsBuilder.text + 8 * UInt64($0)) })
    let symbols = try #require(try ELFFile(builder.bytes).symbols())
    #expect(try symbols.named("prog_idr").map(\.name) == [names[0]])
    #expect(symbols.address(of: "prog_idr") == text)
    #expect(symbols.address(of: names[0]) == text)
    // The exact name comes first.
    #expect(try symbols.named("map_idr").map(\.name) == ["map_idr"])
    #expect(try symbols.named("btf_idr").isEmpty)
    let error = #expect(throws: AmbiguousSymbol.self) { try symbols.named("link_idr") }
    #expect(error?.candidates == ["link_idr.llvm.2", "link_idr.llvm.33"])
    #expect(symbols.address(of: "link_idr") == nil)
  }

  @Test func everyNameIsFoundAsAPassOverAllFindsIt() throws {
    for name in Set(symbols.map(\.name)) {
      #expect(try symbols.named(name) == symbols.filter { $0.name == name })
      #expect(symbols.address(of: name) == symbols.first { $0.name == name }?.address)
    }
  }

  @Test func aNameMayHaveBeenRenamedTwice() throws {
    let names = ["once.llvm.1.llvm.2", ".llvm.3", "x.llvm.", "once.llvm.1", "y.llvm.1z"]
    let symbols = KernelSymbols(
      names.enumerated().map { .init(name: $1, address: text + UInt64($0), type: "t") })
    #expect(try symbols.named("once").map(\.name) == ["once.llvm.1"])
    #expect(try symbols.named("once.llvm.1").map(\.name) == ["once.llvm.1"])
    for name in names { #expect(try symbols.named(name).map(\.name) == [name]) }
    #expect(try symbols.named("x").isEmpty && symbols.named("y").isEmpty)
  }

  @Test func nearestSymbol() throws {
    let function = try #require(symbols.nearest(to: text + 0x47))
    #expect(function.symbol.name == "bpf_prog_function_0")
    #expect(function.offset == 7)
    // Of aliases it is the first one.
    #expect(symbols.nearest(to: text)?.symbol.name == "_text")
    #expect(symbols.nearest(to: .max)?.symbol.name == "twice")
    // An address below the kernel is not behind the last per-CPU offset.
    #expect(symbols.nearest(to: text - 1) == nil)
    #expect(symbols.nearest(to: 17)?.symbol.name == "percpu_2")
  }

  @Test(arguments: [
    ("prog_idr", 1), ("*_idr", 1), ("bpf_prog_function_*", 1269), ("bpf_prog_function_?", 10),
    ("percpu_1?", 10), ("*", 1295), ("tw*ce", 2), ("*tw*", 2), ("prog", 0), ("?prog_idr", 0),
    ("", 0), ("[a-p]rog_idr", 1), ("[!p]rog_idr", 0), ("percpu_1[0-3]", 4), ("*_[^a-z]dr", 0),
    ("percpu_1[]3]", 1), ("percpu_[", 0), (#"prog\_idr"#, 1), (#"prog_id\?"#, 0),
    ("*Z9Z9", 1), ("*9Z*9Z9*?*", 1),
  ])
  func globs(pattern: String, count: Int) {
    #expect(symbols.matching(glob: pattern).count == count)
  }

  @Test func aGlobWithManyStarsEnds() {
    let pattern = String(repeating: "*Z*9", count: 40) + "x"
    #expect(symbols.matching(glob: pattern).isEmpty)
  }

  @Test func slidSymbolsKeepAbsoluteOnes() {
    let slid = symbols.slid(by: 0x1200_0000)
    #expect(slid.address(of: "_text") == text + 0x1200_0000)
    #expect(slid.address(of: "percpu_3") == 24)
    #expect(slid.count == symbols.count)
    // "Downwards" wraps.
    #expect(slid.slid(by: 0 &- 0x1200_0000).address(of: "_text") == text)
  }
}
