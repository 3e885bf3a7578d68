import GuestScopeBTF

/// How to find a variable in a kernel whose kallsyms has functions only (CONFIG_KALLSYMS_ALL=n): by
/// the code of several functions that name it. Who needs a symbol brings the recipe for it.
///
/// Nothing is guessed: where not exactly one address passes every check, the symbol stays unknown.
public struct SymbolRecipe: Sendable {
  /// What is at an address can be the variable.
  ///
  /// - Parameters:
  ///   - address: a link address; one of `.bss` is not in the image of a file.
  ///   - image: the bytes of the image.
  ///   - types: the kernel's, where it has BTF.
  public typealias Check =
    @Sendable (_ address: UInt64, _ image: ImagePieces, _ types: BTF?)
    -> Bool

  public var symbol: String
  /// nm(1)'s letter.
  public var type: Character
  /// Functions each of which names the variable, and no other that the check would take for it.
  public var functions: [String]
  /// So many of the functions at least must name it. A kernel need not have all of them, for a
  /// compiler may have put some into others.
  public var least: Int
  public var check: Check

  public init(
    _ symbol: String, type: Character, functions: [String], least: Int, check: @escaping Check
  ) {
    (self.symbol, self.type, self.functions) = (symbol, type, functions)
    (self.least, self.check) = (least, check)
  }
}

extension KernelFacts {
  /// These facts with the symbols that recipes find; the same where the kernel's own table of
  /// symbols has data.
  public func adding(_ recipes: [SymbolRecipe]) -> KernelFacts {
    guard let image = imageToSearch, let symbols = knownSymbols else { return self }
    let types = btf.flatMap { try? BTF($0) }
    var facts = self
    facts.searchedSymbols?.formUnion(recipes.map(\.symbol))
    facts.knownSymbols = symbols.merging(
      recipes.compactMap { recipe in
        guard symbols.address(of: recipe.symbol) == nil,
          let address = recipe.address(in: image, symbols, types)
        else { return nil }
        return KernelSymbols.Symbol(name: recipe.symbol, address: address, type: recipe.type)
      })
    return facts
  }
}

extension KernelFacts {
  /// Whether `adding` of these recipes has found what it can, here or before these facts were
  /// stored.
  public func hasSearched(for recipes: [SymbolRecipe]) -> Bool {
    searchedSymbols?.isSuperset(of: recipes.map(\.symbol)) ?? true
  }
}

extension SymbolRecipe {
  /// The code of its functions, those that the kernel has.
  package func code(_ symbols: KernelSymbols) -> [Range<UInt64>] {
    functions.compactMap { function in
      guard let first = symbols.address(of: function),
        let last = symbols.address(after: first)
      else { return nil }
      return first..<first + min(last - first, AArch64Code.limit)
    }
  }

  /// The one address that enough functions name and that passes the check; nil when there are
  /// several.
  fileprivate func address(
    in image: ImagePieces, _ symbols: KernelSymbols, _ types: BTF?
  ) -> UInt64? {
    var counts: [UInt64: Int] = [:]
    for code in code(symbols) {
      for address in AArch64Code(image).references(in: code) where check(address, image, types) {
        counts[address, default: 0] += 1
      }
    }
    let common = counts.filter { $0.value >= least }
    return common.count == 1 ? common.first?.key : nil
  }
}
