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

    /// Whether the value is no kernel address but a number that does not move with KASLR: on x86-64
    /// up to kernel 6.14 a per-CPU variable is an offset from each CPU's area.
    public var isAbsolute: Bool { KernelSymbols.isAbsolute(address) }
  }

  /// Of each symbol the type's letter, then the name.
  private var text: [UInt8] = []
  /// Where each symbol begins in `text`, and the end of the last one.
  private var starts: [UInt32] = [0]
  private var addresses: [UInt64] = []

  public var count: Int { addresses.count }

  /// Kernel addresses lie in the upper half of the address space.
  public static func isAbsolute(_ value: UInt64) -> Bool { value >> 63 == 0 }

  /// The address of the first symbol with this name, or nil.
  public func address(of name: String) -> UInt64? {
    first(named: Array(name.utf8), from: 0).map { addresses[$0] }
  }

  /// The addresses of all symbols with this name: static ones may have the same name.
  public func addresses(of name: String) -> [UInt64] {
    let utf8 = Array(name.utf8)
    var found: [UInt64] = []
    var next = 0
    while let index = first(named: utf8, from: next) {
      found.append(addresses[index])
      next = index + 1
    }
    return found
  }

  /// The last symbol that does not lie behind an address, and the bytes from it to the address; nil
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

  /// The symbols whose name matches a shell pattern.
  public func matching(glob: String) -> [Symbol] {
    let pattern = Glob(glob)
    return indices.filter { pattern.matches(text[nameRange($0)]) }.map { self[$0] }
  }

  /// The names that begin with a prefix, in the order of their addresses.
  public func names(prefix: String) -> [String] {
    let utf8 = Array(prefix.utf8)
    return indices.filter { text[nameRange($0)].starts(with: utf8) }.map { self[$0].name }
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

  private func nameRange(_ index: Int) -> Range<Int> {
    Int(starts[index]) + 1..<Int(starts[index + 1])
  }

  private func first(named name: [UInt8], from start: Int) -> Int? {
    guard start < count else { return nil }
    for index in start..<count where Int(starts[index + 1] - starts[index]) == name.count + 1 {
      if text[nameRange(index)].elementsEqual(name) { return index }
    }
    return nil
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
