import GuestScopeBytes

extension ELFFile {
  private static let shtSymtab: UInt32 = 2
  private static let sttSection: UInt8 = 3
  private static let sttFile: UInt8 = 4

  /// The symbols of `.symtab`, or nil when the file was stripped of them.
  ///
  /// What scripts/mksysmap and scripts/kallsyms.c leave out is left out: undefined, section and
  /// file symbols, the compiler's labels, ARM mapping symbols, checksums and strings of exports.
  public func symbols() throws(Failure) -> KernelSymbols? {
    guard let section = sections.first(where: { $0.type == Self.shtSymtab }) else { return nil }
    guard sections.indices.contains(section.link) else {
      throw .outside("the symbols' names", offset: section.range.lowerBound)
    }
    let table = try bytes(section.range)
    let strings = try bytes(sections[section.link].range)
    var found: [(address: UInt64, name: Range<Int>, type: UInt8)] = []
    found.reserveCapacity(table.count / 24)
    var textBytes = 0
    for at in stride(from: 0, to: table.count - 23, by: 24) {
      guard let start = table.u32(at: at).map(Int.init), let info = table.u8(at: at + 4),
        let section = table.u16(at: at + 6), let value = table.u64(at: at + 8)
      else { break }
      let kind = info & 0xf
      guard section != 0, kind != Self.sttSection, kind != Self.sttFile, start < strings.count
      else { continue }
      let name = strings[start...].prefix(Self.maxNameLength).prefix { $0 != 0 }
      guard !name.isEmpty, !Self.leftOut.contains(where: { name.starts(with: $0) }) else {
        continue
      }
      textBytes += name.count + 1
      guard textBytes <= Self.maxTextBytes else {
        throw .outside("the symbols' names, of more than \(Self.maxTextBytes) bytes", offset: at)
      }
      found.append((value, name.indices, letter(info: info, section: section)))
    }
    // The file's order decides between aliases.
    found.sort { ($0.address, $0.name.lowerBound) < ($1.address, $1.name.lowerBound) }

    var symbols = KernelSymbols.Builder()
    symbols.reserve(symbols: found.count, textBytes: textBytes)
    for symbol in found {
      symbols.append(symbol.type)
      for at in symbol.name { symbols.append(strings[at]) }
      symbols.finish(address: symbol.address)
    }
    return symbols.symbols()
  }

  /// `KSYM_NAME_LEN`, and a bound for names that overlap.
  private static let maxNameLength = 512
  /// Of names together: a kernel has some 5 MB of them.
  private static let maxTextBytes = 256 << 20
  private static let leftOut = ["$", ".L", "__crc_", "__kstrtab"].map { Array($0.utf8) }

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
