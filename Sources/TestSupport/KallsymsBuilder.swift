import GuestScopeBytes
import GuestScopeKernelImage

/// Writes kallsyms tables as scripts/kallsyms.c of the different kernels does.
public struct KallsymsBuilder: Sendable {
  public enum Layout: CaseIterable, Sendable { case a, aWithSequences, b, c }
  public struct Symbol: Equatable, Sendable {
    public let name: String
    public let type: Character
    public let address: UInt64

    public init(name: String, type: Character, address: UInt64) {
      (self.name, self.type, self.address) = (name, type, address)
    }
  }

  public var layout: Layout
  /// By ascending address.
  public var symbols: [Symbol]
  /// What the file holds as relative base; with `absolutePerCPU` low addresses are written as they
  /// are.
  public var base: UInt64
  public var storedBase: UInt64?
  public var absolutePerCPU: Bool

  public init(
    layout: Layout, symbols: [Symbol], base: UInt64 = text, storedBase: UInt64? = nil,
    absolutePerCPU: Bool = false
  ) {
    (self.layout, self.symbols, self.base) = (layout, symbols, base)
    (self.storedBase, self.absolutePerCPU) = (storedBase, absolutePerCPU)
  }

  public var testDescription: String {
    "layout \(layout)\(absolutePerCPU ? " with per-CPU symbols" : "")"
  }

  public static let text: UInt64 = 0xffff_ffff_8100_0000

  /// 1,275 symbols: names in five blocks (so that markers need padding), aliases, duplicates and
  /// one name of more than 127 tokens.
  public static let sampleSymbols: [Symbol] = {
    var symbols = [
      Symbol(name: "_text", type: "T", address: text),
      Symbol(name: "_stext", type: "T", address: text),
    ]
    for index in 0..<1270 {
      let name = index == 700 ? String(repeating: "Z9", count: 90) : "bpf_prog_function_\(index)"
      symbols.append(Symbol(name: name, type: "t", address: text + UInt64(index / 2 + 1) * 0x40))
    }
    symbols.append(Symbol(name: "twice", type: "d", address: text + 0x100_0000))
    symbols.append(Symbol(name: "prog_idr", type: "d", address: text + 0x100_1000))
    symbols.append(Symbol(name: "twice", type: "b", address: text + 0x100_2000))
    return symbols
  }()

  /// Symbols as x86-64 has them up to kernel 6.14: per-CPU variables at the offsets 0, 8, …
  public static let withPerCPU: [Symbol] =
    (0..<20).map { Symbol(name: "percpu_\($0)", type: "A", address: UInt64($0) * 8) }
    + sampleSymbols

  /// The tables, to lie at an address that is a multiple of 8.
  public func bytes(at address: UInt64) -> [UInt8] {
    var out: [UInt8] = []
    func align(_ n: Int) { while !out.count.isMultiple(of: n) { out.append(0) } }
    func offsets() {
      for symbol in symbols {
        let place = address + UInt64(out.count)
        let offset =
          switch layout {
          case .c: symbol.address &- place
          default:
            if absolutePerCPU {
              symbol.address >> 63 == 0 ? symbol.address : base &- 1 &- symbol.address
            } else {
              symbol.address &- base
            }
          }
        out.append(littleEndian: UInt32(truncatingIfNeeded: offset))
      }
    }
    func seqsOfNames() {
      for index in sequences {
        out += [UInt8(index >> 16), UInt8(index >> 8 & 0xff), UInt8(index & 0xff)]
      }
    }
    func relativeBase() { out.append(littleEndian: storedBase ?? base) }
    func names(_ alignment: Int) {
      out.append(littleEndian: UInt32(symbols.count))
      align(alignment)
      let (names, markers) = encodedNames
      out += names
      align(alignment)
      for marker in markers { out.append(littleEndian: UInt32(marker)) }
      align(alignment)
    }
    func tokens(_ alignment: Int) {
      var starts: [Int] = []
      let start = out.count
      for token in Self.tokens {
        starts.append(out.count - start)
        out += Array(token.utf8) + [0]
      }
      align(alignment)
      for start in starts { out.append(littleEndian: UInt16(start)) }
    }

    switch layout {
    case .a, .aWithSequences:
      offsets()
      align(8)
      relativeBase()
      names(8)
      if layout == .aWithSequences {
        seqsOfNames()
        align(8)
      }
      tokens(8)
    case .b:
      names(8)
      tokens(8)
      offsets()
      align(8)
      relativeBase()
      seqsOfNames()
    case .c:
      names(4)
      tokens(4)
      offsets()
      seqsOfNames()
    }
    return out
  }

  /// The numbers of the symbols in the order of their names, and of their addresses where names are
  /// the same.
  public var sequences: [Int] {
    symbols.indices.sorted {
      let (first, second) = (symbols[$0].name, symbols[$1].name)
      return first == second ? $0 < $1 : first < second
    }
  }

  public var encodedNames: (names: [UInt8], markers: [Int]) {
    var names: [UInt8] = []
    var markers: [Int] = []
    for (index, symbol) in symbols.enumerated() {
      if index.isMultiple(of: 256) { markers.append(names.count) }
      let codes = Self.encode(String(symbol.type) + symbol.name)
      names +=
        codes.count < 128
        ? [UInt8(codes.count)] : [UInt8(codes.count & 0x7f | 0x80), UInt8(codes.count >> 7)]
      names += codes
    }
    return (names, markers)
  }

  /// A character that is in use stands for itself, the other codes for pieces of names.
  private static let pieces = ["bpf_", "prog", "_function_", "er", "cpu"]
  private static let pieceStarts = Set(pieces.compactMap(\.utf8.first))
  private static let tokens: [String] = (0..<256).map { code in
    if (0x21...0x7e).contains(code) { return String(UnicodeScalar(UInt8(code))) }
    return pieces[code % pieces.count]
  }

  private static func encode(_ name: String) -> [UInt8] {
    guard name.utf8.contains(where: pieceStarts.contains) else { return Array(name.utf8) }
    var codes: [UInt8] = []
    var rest = Substring(name)
    while let first = rest.utf8.first {
      if let piece = pieces.firstIndex(where: { rest.hasPrefix($0) }) {
        codes.append(UInt8(200 + piece))
        rest = rest.dropFirst(pieces[piece].count)
      } else {
        codes.append(first)
        rest = rest.dropFirst()
      }
    }
    return codes
  }
}
