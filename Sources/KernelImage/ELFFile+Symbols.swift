import Bytes

extension ELFFile {
  private static let shtSymtab: UInt32 = 2
  private static let sttSection: UInt8 = 3
  private static let sttFile: UInt8 = 4

  /// The symbols of `.symtab`, or nil when the file was stripped of them.
  ///
  /// Undefined, section and file symbols and ARM mapping symbols (`$x`, `$d`) are left out, as in
  /// scripts/kallsyms.c.
  public func symbols() throws(Failure) -> KernelSymbols? {
    guard let table = sections.first(where: { $0.type == Self.shtSymtab }) else { return nil }
    guard sections.indices.contains(table.link) else {
      throw .outside("the symbols' names", offset: table.range.lowerBound)
    }
    let strings = sections[table.link].range
    var found: [(address: UInt64, name: Int, type: UInt8)] = []
    found.reserveCapacity(table.range.count / 24)
    for at in stride(from: table.range.lowerBound, to: table.range.upperBound - 23, by: 24) {
      guard let name = bytes.u32(at: at), let info = bytes.u8(at: at + 4),
        let section = bytes.u16(at: at + 6), let value = bytes.u64(at: at + 8)
      else { throw .outside("a symbol", offset: at) }
      let nameAt = strings.lowerBound + Int(name)
      guard section != 0, info & 0xf != Self.sttSection, info & 0xf != Self.sttFile, name > 0,
        nameAt < strings.upperBound, bytes[nameAt] != 0, bytes[nameAt] != UInt8(ascii: "$")
      else { continue }
      found.append((value, nameAt, letter(info: info, section: section)))
    }
    found.sort { ($0.address, $0.name) < ($1.address, $1.name) }

    var symbols = KernelSymbols()
    symbols.reserve(symbols: found.count, textBytes: strings.count)
    for symbol in found {
      symbols.append(symbol.type)
      for byte in bytes[symbol.name..<strings.upperBound] {
        if byte == 0 { break }
        symbols.append(byte)
      }
      symbols.finish(address: symbol.address)
    }
    return symbols
  }

  /// nm(1)'s letter as far as it is of use here: text, data, bss, absolute, weak; lower case for a
  /// local symbol.
  private func letter(info: UInt8, section: UInt16) -> UInt8 {
    let shnAbs: UInt16 = 0xfff1
    let (weak, local) = (info >> 4 == 2, info >> 4 == 0)
    let letter: UInt8
    if weak {
      letter = UInt8(ascii: "W")
    } else if section == shnAbs {
      letter = UInt8(ascii: "A")
    } else if sections.indices.contains(Int(section)) {
      letter = sections[Int(section)].letter
    } else {
      letter = UInt8(ascii: "?")
    }
    return local ? letter | 0x20 : letter
  }
}

extension ELFFile.Section {
  fileprivate var letter: UInt8 {
    let (shfWrite, shfExecinstr): (UInt64, UInt64) = (1, 4)
    return if flags & shfExecinstr != 0 {
      UInt8(ascii: "T")
    } else if type == ELFFile.shtNobits {
      UInt8(ascii: "B")
    } else {
      flags & shfWrite != 0 ? UInt8(ascii: "D") : UInt8(ascii: "R")
    }
  }
}
