import GuestScopeBytes
import Testing

@testable import GuestScopeKernelImage

/// Variables that are found by the code that names them. The words are what GNU as makes of the text
/// beside them.
@Suite struct SymbolRecipeTests {
  private static let base: UInt64 = 0xffff_8000_0801_0000
  private static let variable = base + 0x1640
  private static let neighbour = base + 0x17c0

  /// Facts of an image whose functions are these words, and whose kallsyms has functions only.
  private func facts(
    _ functions: KeyValuePairs<String, [UInt32]>, searches: Bool = true, isRunning: Bool = false
  ) -> KernelFacts {
    var bytes: [UInt8] = []
    var symbols: [KernelSymbols.Symbol] = []
    for (name, words) in functions {
      symbols.append(.init(name: name, address: Self.base + UInt64(bytes.count), type: "t"))
      for word in words + [0xd65f_03c0] { bytes.append(littleEndian: word) }
    }
    symbols.append(.init(name: "end", address: Self.base + UInt64(bytes.count), type: "t"))
    bytes += [UInt8](repeating: 0, count: 0x2000 - bytes.count)
    return KernelFacts(
      origin: .init(name: "Image", kind: .image), architecture: .arm64, banner: nil, notes: nil,
      btf: nil, baseAddress: Self.base, symbols: KernelSymbols().merging(symbols),
      imageToSearch: searches
        ? ImagePieces([MemoryRegion(bytes, address: Self.base)], isRunning: isRunning) : nil)
  }

  /// adrp x0, +1 page; add x0, x0, #0x640
  private static let names: [UInt32] = [0xb000_0000, 0x9119_0000]
  /// The same, then add x1, x0, #0x180
  private static let namesBoth: [UInt32] = names + [0x9106_0001]

  private func found(
    _ facts: KernelFacts, least: Int = 2, check: @escaping SymbolRecipe.Check = { _, _, _ in true }
  ) throws -> UInt64? {
    let recipe = SymbolRecipe(
      "variable", type: "d", functions: ["one", "two", "three"], least: least, check: check)
    return try facts.adding([recipe]).symbols.address(of: "variable")
  }

  @Test func whatEnoughFunctionsNameIsFound() throws {
    let both = facts(["one": Self.names, "two": Self.names, "three": [], "four": Self.names])
    #expect(try found(both) == Self.variable)
    #expect(try found(both, least: 3) == nil, "the fourth does not count")
    let one = facts(["one": Self.names, "two": []])
    #expect(try found(one) == nil)
    #expect(try found(one, least: 1) == Self.variable)
  }

  @Test func ofSeveralTheCheckDecides() throws {
    let facts = facts(["one": Self.namesBoth, "two": Self.namesBoth])
    #expect(try found(facts) == nil)
    #expect(try found(facts) { address, _, _ in address == Self.neighbour } == Self.neighbour)
    #expect(try found(facts) { _, _, _ in false } == nil)
  }

  @Test func theCheckSeesTheBytesOfTheImage() throws {
    let facts = facts(["one": Self.names, "two": Self.names])
    #expect(
      try found(facts) { address, image, _ in
        image.bytes(at: address, count: 8) == [UInt8](repeating: 0, count: 8)
          && image.bytes(at: address, count: 0x2000) == nil
      } == Self.variable)
  }

  @Test func whatWasFoundNeedNotBeSearchedAgain() throws {
    let facts = facts(["one": Self.names, "two": Self.names])
    func recipe(_ symbol: String) -> SymbolRecipe {
      SymbolRecipe(symbol, type: "d", functions: ["one", "two"], least: 2) { _, _, _ in true }
    }
    #expect(!facts.hasSearched(for: [recipe("variable")]))
    let found = facts.adding([recipe("variable")])
    let stored = try #require(KernelFacts(stored: found.stored, origin: found.origin))
    #expect(try stored.symbols.address(of: "variable") == Self.variable)
    for facts in [found, stored] {
      #expect(facts.hasSearched(for: [recipe("variable")]))
      #expect(!facts.hasSearched(for: [recipe("variable"), recipe("another")]))
    }
    // Where kallsyms has data, there is nothing to search for.
    let whole = self.facts(["one": []], searches: false)
    let wholeStored = try #require(KernelFacts(stored: whole.stored, origin: whole.origin))
    #expect(whole.hasSearched(for: [recipe("variable")]))
    #expect(wholeStored.hasSearched(for: [recipe("variable")]))
  }

  @Test func aKernelThatSaysItItselfIsNotSearched() throws {
    #expect(
      try found(facts(["one": Self.names, "two": Self.names], searches: false)) == nil)
    let known = facts(["variable": [], "one": Self.names, "two": Self.names])
    #expect(try found(known) == Self.base)
  }

  @Test(arguments: [false, true])
  func theCheckKnowsWhetherTheKernelRuns(isRunning: Bool) throws {
    let facts = facts(["one": Self.names, "two": Self.names], isRunning: isRunning)
    #expect(
      try found(facts) { _, image, _ in image.isRunning } == (isRunning ? Self.variable : nil))
  }

  /// Of a running kernel only pieces are read.
  @Test func piecesAreAsGoodAsTheWhole() throws {
    let whole = facts(["one": Self.names, "two": Self.names])
    let image = try #require(whole.imageToSearch)
    let pieces = [Self.base..<Self.base + 24, Self.variable..<Self.variable + 64].map {
      MemoryRegion(image.bytes(at: $0.lowerBound, count: $0.count)!, address: $0.lowerBound)
    }
    func found(in pieces: [MemoryRegion]) throws -> UInt64? {
      let facts = whole.with(
        symbols: try whole.symbols, imageToSearch: ImagePieces(pieces, isRunning: true))
      return try self.found(facts) { address, image, _ in image.bytes(at: address, count: 64) != nil
      }
    }
    #expect(try found(in: pieces) == Self.variable)
    // The variable could not be read, or the code of one function.
    #expect(try found(in: [pieces[0]]) == nil)
    #expect(
      try found(in: [
        MemoryRegion(Array(pieces[0].bytes.prefix(20)), address: Self.base), pieces[1],
      ]) == nil)
  }
}
