import GuestScopeBTF
import GuestScopeBytes

/// What a cache keeps of a kernel. A field that is added gets the next number, and a line in each
/// direction; a number whose field went is not used again.
package enum StoredFact: UInt32, Sendable {
  case architecture = 1
  case banner
  case buildID
  case noteAddress
  case noteCount
  case btf
  case btfIndex
  case baseAddress
  case symbols
  case searchedSymbols
}

extension KernelFacts {
  /// All of these facts but their origin, in a form that is read without being decoded.
  package var stored: SharedBytes {
    var fields = TaggedFields<StoredFact>()
    fields[text: .architecture] = architecture.rawValue
    fields[text: .banner] = banner
    fields[.buildID] = buildID.map { SharedBytes($0) }
    fields[number: .noteAddress] = buildIDNote?.address
    fields[number: .noteCount] = buildIDNote.map { UInt64($0.count) }
    fields[.btf] = btf
    fields[.btfIndex] = (try? types())?.storedIndex
    fields[number: .baseAddress] = baseAddress
    fields[.symbols] = knownSymbols?.table.blob
    fields[text: .searchedSymbols] = searchedSymbols?.sorted().joined(separator: "\n")
    return fields.bytes
  }

  /// The facts that were stored; nil when the bytes are others.
  package init?(stored: SharedBytes, origin: Origin) {
    guard let fields = TaggedFields<StoredFact>(stored),
      let architecture = fields[text: .architecture].flatMap(Architecture.init(rawValue:)),
      let baseAddress = fields[number: .baseAddress]
    else { return nil }
    var symbols: KernelSymbols?
    if let blob = fields[.symbols] {
      guard let table = SymbolTable(blob) else { return nil }
      symbols = KernelSymbols(table)
    }
    var note: (address: UInt64, count: Int)?
    if let address = fields[number: .noteAddress],
      let count = fields[number: .noteCount].flatMap({ $0 < 1 << 20 ? Int($0) : nil })
    {
      note = (address, count)
    }
    self.init(
      origin: origin, architecture: architecture, banner: fields[text: .banner],
      buildID: fields[.buildID].map { Array($0) }, buildIDNote: note, btf: fields[.btf],
      btfIndex: fields[.btfIndex], baseAddress: baseAddress, symbols: symbols)
    searchedSymbols = fields[text: .searchedSymbols].map {
      Set($0.split(separator: "\n").map(String.init))
    }
  }
}
