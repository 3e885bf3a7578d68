extension KernelSymbols {
  /// Symbols that are added one by one, in the order of their addresses.
  struct Builder {
    private var text: [UInt8] = []
    private var starts: [UInt32] = [0]
    private var addresses: [UInt64] = []

    var textSize: Int { text.count }

    mutating func reserve(symbols: Int, textBytes: Int) {
      text.reserveCapacity(textBytes)
      starts.reserveCapacity(symbols + 1)
      addresses.reserveCapacity(symbols)
    }

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
      // Without a letter a symbol would take that of the next one.
      if text.count == Int(starts[starts.count - 1]) { text.append(UInt8(ascii: "?")) }
      starts.append(UInt32(text.count))
      addresses.append(address)
    }

    mutating func append(_ symbol: Symbol) {
      append(symbol.type.asciiValue ?? UInt8(ascii: "?"))
      for byte in symbol.name.utf8 { append(byte) }
      finish(address: symbol.address)
    }

    /// What was added.
    func symbols() -> KernelSymbols {
      let blob = SymbolTable.blob(addresses: addresses, starts: starts, text: text)
      guard let table = SymbolTable(blob) else { preconditionFailure("more symbols than fit") }
      return KernelSymbols(table)
    }

    /// What was added and more symbols, in any order; they stand after those that were added
    /// at the same address.
    func symbols(merging more: [Symbol]) -> KernelSymbols {
      guard !more.isEmpty else { return symbols() }
      var merged = Builder()
      merged.reserve(
        symbols: addresses.count + more.count, textBytes: text.count + 24 * more.count)
      var rest = more.sorted { $0.address < $1.address }[...]
      for (index, address) in addresses.enumerated() {
        while let symbol = rest.first, symbol.address < address {
          merged.append(symbol)
          rest = rest.dropFirst()
        }
        for at in Int(starts[index])..<Int(starts[index + 1]) { merged.append(text[at]) }
        merged.finish(address: address)
      }
      for symbol in rest { merged.append(symbol) }
      return merged.symbols()
    }
  }
}
