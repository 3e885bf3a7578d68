import GuestScopeGuestMemory
import GuestScopeKernelImage

extension KernelFacts {
  /// Bytes of a variable that the check of a recipe may look at.
  private static let variableSize: UInt64 = 64

  /// These facts of a running kernel whose kallsyms has functions only, with the variables that it
  /// exports and those that recipes find in its code.
  ///
  /// - Parameter data: all of its read-only data.
  func adding(
    _ recipes: [SymbolRecipe], in image: ImageReader, _ data: MemoryRegion
  ) throws(KernelError) -> KernelFacts {
    guard let symbols = (try? self.symbols)?.addingExports(of: data) else { return self }
    let code = recipes.flatMap { $0.code(symbols) }
    let functions = try image.regions(code).compactMap { $0 }
    let readCode = AArch64Code(ImagePieces(functions, isRunning: true))
    let named = code.reduce(into: Set<UInt64>()) { $0.formUnion(readCode.references(in: $1)) }
    let places = named.filter { $0 < .max - Self.variableSize }.sorted()
      .map { $0..<$0 + Self.variableSize }.filter(image.holds)
    let variables = try image.regions(places).compactMap { $0 }
    let pieces = ImagePieces(functions + variables, isRunning: true)
    return with(symbols: symbols, imageToSearch: pieces).adding(recipes)
  }
}
