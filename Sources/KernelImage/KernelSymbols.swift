/// The symbols of a kernel, in the order of their addresses.
///
/// Some 200,000 names lie in one buffer of bytes; a `String` is made only for a name that is asked
/// for.
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

  /// Of each symbol the type's letter, then the name.
  private var text: [UInt8] = []
  /// Where each symbol begins in `text`, and the end of the last one.
  private var starts: [UInt32] = [0]
  private var addresses: [UInt64] = []

  public var count: Int { addresses.count }

  public init(_ symbols: [Symbol] = []) {
    guard !symbols.isEmpty else { return }
    self = KernelSymbols().merging(symbols)
  }

  /// Kernel addresses lie in the upper half of the address space.
  public static func isAbsolute(_ value: UInt64) -> Bool { value >> 63 == 0 }

  /// The address of the first symbol that `named` finds, or nil when there is none or the name is
  /// ambiguous.
  public func address(of name: String) -> UInt64? {
    first(named: Array(name.utf8)).map { addresses[$0] }
      ?? (try? named(name))?.first?.address
  }

  /// The symbols that a name means: all of exactly this name, as static ones may share it, or else
  /// the one `NAME.llvm.N` that clang's ThinLTO made of a static symbol that other units use.
  public func named(_ name: String) throws(AmbiguousSymbol) -> [Symbol] {
    let utf8 = Array(name.utf8)
    let exact = indices.filter { nameRange($0).count == utf8.count && hasPrefix(utf8, $0) }
    guard exact.isEmpty, !name.isEmpty else { return exact.map { self[$0] } }
    let stem = utf8 + Array(".llvm.".utf8)
    let renamed = indices.filter { index in
      let name = nameRange(index)
      return name.count > stem.count && hasPrefix(stem, index)
        && text[name].dropFirst(stem.count).allSatisfy { (0x30...0x39).contains($0) }
    }.map { self[$0] }
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
    let found = addresses[end - 1]
    let index = firstIndex { $0 >= found }
    guard Self.isAbsolute(found) == Self.isAbsolute(address) else { return nil }
    return (self[index], address - found)
  }

  /// The address of the first symbol after an address.
  func address(after address: UInt64) -> UInt64? {
    let next = firstIndex { $0 > address }
    return next < count ? addresses[next] : nil
  }

  /// The symbols whose name matches a shell pattern.
  public func matching(glob: String) -> [Symbol] {
    let pattern = Glob(glob)
    return indices.filter { pattern.matches(text[nameRange($0)]) }.map { self[$0] }
  }

  /// The names that begin with a prefix, in the order of their addresses.
  public func names(prefix: String) -> [String] {
    let utf8 = Array(prefix.utf8)
    return indices.filter { hasPrefix(utf8, $0) }.map { self[$0].name }
  }

  /// These symbols in a kernel that runs `slide` bytes above its link address; absolute ones stay.
  public func slid(by slide: UInt64) -> KernelSymbols {
    var slid = self
    for index in indices where !Self.isAbsolute(addresses[index]) {
      slid.addresses[index] = addresses[index] &+ slide
    }
    return slid
  }

  /// These symbols and more.
  func merging(_ more: [Symbol]) -> KernelSymbols {
    var merged = KernelSymbols()
    merged.reserve(symbols: count + more.count, textBytes: text.count + 24 * more.count)
    var rest = more.sorted { $0.address < $1.address }[...]
    func add(below limit: UInt64?) {
      while let symbol = rest.first, limit.map({ symbol.address < $0 }) ?? true {
        merged.append(symbol.type.asciiValue ?? UInt8(ascii: "?"))
        for byte in symbol.name.utf8 { merged.append(byte) }
        merged.finish(address: symbol.address)
        rest = rest.dropFirst()
      }
    }
    for index in indices {
      add(below: addresses[index])
      for byte in text[Int(starts[index])..<Int(starts[index + 1])] { merged.append(byte) }
      merged.finish(address: addresses[index])
    }
    add(below: nil)
    return merged
  }

  /// The bytes of a symbol's name.
  func nameBytes(at index: Int) -> ArraySlice<UInt8> { text[nameRange(index)] }

  private func nameRange(_ index: Int) -> Range<Int> {
    Int(starts[index]) + 1..<Int(starts[index + 1])
  }

  private func first(named name: [UInt8]) -> Int? {
    indices.first { nameRange($0).count == name.count && hasPrefix(name, $0) }
  }

  private func hasPrefix(_ prefix: [UInt8], _ index: Int) -> Bool {
    text[nameRange(index)].starts(with: prefix)
  }

  /// The first index whose address meets a condition that all later ones meet too.
  private func firstIndex(where condition: (UInt64) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if condition(addresses[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

extension KernelSymbols: RandomAccessCollection {
  public var startIndex: Int { 0 }
  public var endIndex: Int { addresses.count }

  public subscript(index: Int) -> Symbol {
    Symbol(
      name: String(decoding: text[nameRange(index)], as: UTF8.self), address: addresses[index],
      type: Character(Unicode.Scalar(text[Int(starts[index])])))
  }
}

extension KernelSymbols {
  mutating func reserve(symbols: Int, textBytes: Int) {
    text.reserveCapacity(textBytes)
    starts.reserveCapacity(symbols + 1)
    addresses.reserveCapacity(symbols)
  }

  var textSize: Int { text.count }

  /// Adds bytes of the symbol that `finish` ends: the type's letter, then the name.
  mutating func append(_ byte: UInt8) { text.append(byte) }

  /// Adds what these bytes stand for in kallsyms. By index, as slices would be counted references:
  /// 2 million tokens.
  mutating func append(tokens: Range<Int>, _ table: TokenTable, _ bytes: [UInt8]) {
    for at in tokens {
      for index in table[bytes[at]] { text.append(bytes[index]) }
    }
  }

  /// Ends a symbol, whose address is not below that of the one before.
  mutating func finish(address: UInt64) {
    starts.append(UInt32(text.count))
    addresses.append(address)
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
