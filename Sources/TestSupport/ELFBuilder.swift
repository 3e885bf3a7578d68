import GuestScopeBytes

/// Builds a 64-bit little-endian ELF file like a vmlinux: sections, one loaded segment over the
/// addressed ones, symbols.
public struct ELFBuilder {
  public struct Section {
    public var name: String
    public var type: UInt32 = 1
    public var flags: UInt64 = 2
    public var address: UInt64 = 0
    public var contents: [UInt8]
    public var link: UInt32 = 0

    public init(
      name: String, type: UInt32 = 1, flags: UInt64 = 2, address: UInt64 = 0, contents: [UInt8],
      link: UInt32 = 0
    ) {
      (self.name, self.type, self.flags) = (name, type, flags)
      (self.address, self.contents, self.link) = (address, contents, link)
    }
  }

  public var machine: UInt16 = 62
  public var sections: [Section] = []
  public var hasSectionHeaders = true
  public var hasProgramHeaders = true

  public init(sections: [Section] = []) { self.sections = sections }

  /// Adds `.symtab` and `.strtab`; a symbol's section is its index from 1 on.
  public mutating func addSymbols(
    _ symbols: [(name: String, info: UInt8, section: UInt16, value: UInt64)]
  ) {
    var strings: [UInt8] = [0]
    var table = [UInt8](repeating: 0, count: 24)
    for symbol in symbols {
      table.append(littleEndian: UInt32(symbol.name.isEmpty ? 0 : strings.count))
      table += [symbol.info, 0]
      table.append(littleEndian: symbol.section)
      table.append(littleEndian: symbol.value)
      table.append(littleEndian: UInt64(0))
      strings += symbol.name.isEmpty ? [] : Array(symbol.name.utf8) + [0]
    }
    // The null section counts, and the strings come right behind the symbols.
    let link = UInt32(sections.count + 2)
    sections.append(Section(name: ".symtab", type: 2, flags: 0, contents: table, link: link))
    sections.append(Section(name: ".strtab", type: 3, flags: 0, contents: strings))
  }

  public var bytes: [UInt8] {
    var all = [Section(name: "", type: 0, flags: 0, contents: [])] + sections
    all.append(Section(name: ".shstrtab", type: 3, flags: 0, contents: []))
    var names: [UInt8] = []
    var nameOffsets: [UInt32] = []
    for section in all {
      nameOffsets.append(UInt32(names.count))
      names += Array(section.name.utf8) + [0]
    }
    all[all.count - 1].contents = names

    var data = [UInt8](repeating: 0, count: 64 + 56)
    var offsets: [Int] = []
    for section in all {
      while !data.count.isMultiple(of: 4096) { data.append(0) }
      offsets.append(data.count)
      data += section.contents
    }
    let loaded = all.indices.filter { hasProgramHeaders && all[$0].address != 0 }
    var header: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
    header.append(littleEndian: UInt16(2))
    header.append(littleEndian: machine)
    header.append(littleEndian: UInt32(1))
    for word in [0, 64, UInt64(data.count)] { header.append(littleEndian: word) }
    header.append(littleEndian: UInt32(0))
    for half in [
      64, 56, loaded.isEmpty ? 0 : 1, 64, hasSectionHeaders ? all.count : 0, all.count - 1,
    ] {
      header.append(littleEndian: UInt16(half))
    }
    if let first = loaded.first, let last = loaded.last {
      let size = UInt64(offsets[last] + all[last].contents.count - offsets[first])
      header.append(littleEndian: UInt32(1))
      header.append(littleEndian: UInt32(5))
      let address = all[first].address
      for word in [UInt64(offsets[first]), address, address & 0xffff_ffff, size, size, 4096] {
        header.append(littleEndian: word)
      }
    }
    data.replaceSubrange(0..<header.count, with: header)
    for (index, section) in all.enumerated() {
      data.append(littleEndian: nameOffsets[index])
      data.append(littleEndian: section.type)
      for word in [
        section.flags, section.address, UInt64(offsets[index]), UInt64(section.contents.count),
      ] {
        data.append(littleEndian: word)
      }
      data.append(littleEndian: section.link)
      data += [UInt8](repeating: 0, count: 20)
    }
    return data
  }
}
