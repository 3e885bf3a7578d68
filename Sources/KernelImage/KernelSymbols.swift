import GuestScopeBytes

/// The symbols of a kernel, in the order of their addresses.
///
/// Some 200,000 names lie in one buffer of bytes with an index; a `String` is made only for a name
/// that is asked for.
public struct KernelSymbols: Sendable {
  /// A symbol: its name, its address and nm(1)'s letter for its kind.
  public struct Symbol: Equatable, Sendable {
    public let name: String
    public let address: UInt64
    public let type: Character

    /// Whether the value is not a kernel address but a number that does not move with KASLR: on x86-64
    /// up to kernel 6.14 a per-CPU variable is an offset from each CPU's area.
    public var isAbsolute: Bool { KernelSymbols.isAbsolute(address) }

    public init(name: String, address: UInt64, type: Character) {
      (self.name, self.address, self.type) = (name, address, type)
    }
  }

  /// At link addresses.
  let table: SymbolTable
  /// How far the kernel runs from where it was linked, modulo 2^64.
  private var slide: UInt64 = 0

  public var count: Int { table.count }

  init(_ table: SymbolTable) { self.table = table }

  public init(_ symbols: [Symbol] = []) { self = Builder().symbols(merging: symbols) }

  /// Kernel addresses lie in the upper half of the address space.
  public static func isAbsolute(_ value: UInt64) -> Bool { value >> 63 == 0 }

  /// The address of the first symbol that `named` finds, or nil when there is none or the name is
  /// ambiguous.
  public func address(of name: String) -> UInt64? {
    let utf8 = Array(name.utf8)
    return table.candidates(utf8).first { isNamed(utf8, $0) }.map { address($0) }
      ?? (try? named(name))?.first?.address
  }

  /// The symbols that a name means: all of exactly this name, as static ones may share it, or else
  /// the one `NAME.llvm.N` that clang's ThinLTO made of a static symbol that other units use.
  public func named(_ name: String) throws(AmbiguousSymbol) -> [Symbol] {
    let utf8 = Array(name.utf8)
    let exact = table.candidates(utf8).filter { isNamed(utf8, $0) }
    guard exact.isEmpty, !name.isEmpty else { return exact.map { self[$0] } }
    let renamed = table.candidates(utf8).filter { table.isRenamed($0, from: utf8) }
      .map { self[$0] }
    let names = Set(renamed.map(\.name))
    guard names.count < 2 else {
      throw AmbiguousSymbol(name: name, candidates: names.sorted())
    }
    return renamed
  }

  /// The last symbol that does not lie after an address, and the bytes from it to the address; nil
  /// below the first one.
  ///
  /// Of symbols at the same address it is the first one.
  public func nearest(to address: UInt64) -> (symbol: Symbol, offset: UInt64)? {
    let end = firstIndex { $0 > address }
    guard end > 0 else { return nil }
    let found = self.address(end - 1)
    let index = firstIndex { $0 >= found }
    guard Self.isAbsolute(found) == Self.isAbsolute(address) else { return nil }
    return (self[index], address - found)
  }

  /// The address of the first symbol after an address.
  func address(after address: UInt64) -> UInt64? {
    let next = firstIndex { $0 > address }
    return next < count ? self.address(next) : nil
  }

  /// The symbols whose name matches a shell pattern.
  public func matching(glob: String) -> [Symbol] {
    let pattern = Glob(glob)
    return indices.filter { index in
      table.text.withSpan(of: table.name(index)) { pattern.matches($0) }
    }.map { self[$0] }
  }

  /// The names that begin with a prefix, in the order of their addresses.
  public func names(prefix: String) -> [String] {
    let utf8 = Array(prefix.utf8)
    return indices.filter { table.hasPrefix(utf8, $0) }.map { self[$0].name }
  }

  /// These symbols in a kernel that runs `slide` bytes above its link address; absolute ones stay.
  public func slid(by slide: UInt64) -> KernelSymbols {
    var slid = self
    slid.slide &+= slide
    return slid
  }

  /// These symbols and more.
  func merging(_ more: [Symbol]) -> KernelSymbols {
    var merged = Builder()
    merged.reserve(symbols: count + more.count, textBytes: table.text.count + 24 * more.count)
    for index in indices {
      merged.append(table.type(index))
      for at in table.name(index) { merged.append(table.text[at]) }
      merged.finish(address: address(index))
    }
    return merged.symbols(merging: more)
  }

  /// The bytes of a symbol's name.
  func nameBytes(at index: Int) -> [UInt8] { table.name(index).map { table.text[$0] } }

  private func address(_ index: Int) -> UInt64 {
    let address = table.address(index)
    return Self.isAbsolute(address) ? address : address &+ slide
  }

  private func isNamed(_ name: [UInt8], _ index: Int) -> Bool {
    table.name(index).count == name.count && table.hasPrefix(name, index)
  }

  /// The first index whose address meets a condition that all later ones meet too.
  private func firstIndex(where condition: (UInt64) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if condition(address(middle)) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

extension KernelSymbols: RandomAccessCollection {
  public var startIndex: Int { 0 }
  public var endIndex: Int { count }

  public subscript(index: Int) -> Symbol {
    Symbol(
      name: table.text.text(table.name(index)), address: address(index),
      type: Character(Unicode.Scalar(table.type(index))))
  }
}

/// A name that ThinLTO gave to several static symbols: `NAME.llvm.1`, `NAME.llvm.2`.
public struct AmbiguousSymbol: Error, Equatable, Sendable, CustomStringConvertible {
  public let name: String
  public let candidates: [String]

  public var description: String {
    "\(name) may be any of \(candidates.count) symbols of this kernel: "
      + "\(candidates.joined(separator: ", ")); give one of these names"
  }
}
