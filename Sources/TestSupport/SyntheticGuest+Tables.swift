import GuestScopeGuestMemory

/// A guest whose kernel can be read from its memory: kallsyms and BTF are in its read-only data.
extension SyntheticGuest {
  /// Bytes of read-only data that hold them.
  private static let sizeWithTables: UInt64 = 0x7_0000
  /// From the start of the read-only data.
  private static let typesPlace: UInt64 = 0x1000
  private static let tablesPlace: UInt64 = 0x4000
  /// So many functions that a probe every 64 KiB meets the table of offsets.
  private static let functionCount = 20_000

  /// - Parameters:
  ///   - layout: of the tables.
  ///   - without: symbols that they lack.
  public static func withTables(
    _ layout: KallsymsBuilder.Layout = .b, without: Set<String> = [], slide: UInt64 = slide,
    in ram: RAMBuilder? = nil
  ) -> SyntheticGuest {
    let guest = SyntheticGuest(
      ramBytes: 2 << 20, in: ram, slide: slide, rodataSize: sizeWithTables)
    guest.placeTables(layout, without)
    return guest
  }

  private func placeTables(_ layout: KallsymsBuilder.Layout, _ without: Set<String>) {
    let types = types.blob
    let typesStart = Self.textSize + Self.typesPlace
    precondition(typesStart + UInt64(types.count) <= Self.textSize + Self.tablesPlace)
    ram.write(types, at: imagePhysical + typesStart)
    symbols["_stext"] = 0
    symbols["__start_BTF"] = typesStart
    symbols["__stop_BTF"] = typesStart + UInt64(types.count)
    // The guest's banner is the last thing before the tables.
    symbols["linux_banner"] = Self.textSize + Self.tablesPlace - 0x100
    ram.write(Array((Self.banner + "\n").utf8) + [0], at: place("linux_banner"))
    let tables = kallsyms(layout, without).bytes(at: textBase + Self.textSize + Self.tablesPlace)
    precondition(Self.tablesPlace + UInt64(tables.count) <= rodataSize, "the tables are too large")
    ram.write(tables, at: tablesPhysical)
  }

  /// Where `placeTables` put the tables.
  public var tablesPhysical: PhysicalAddress { imagePhysical + Self.textSize + Self.tablesPlace }

  private func kallsyms(
    _ layout: KallsymsBuilder.Layout, _ without: Set<String>
  ) -> KallsymsBuilder {
    let named = symbols.filter { !without.contains($0.key) }.map { name, place in
      KallsymsBuilder.Symbol(name: name, type: "D", address: textBase &+ place)
    }
    // Where the freed part of an image would be.
    let functions = (0..<Self.functionCount).map { index in
      KallsymsBuilder.Symbol(
        name: "f\(index)", type: "t", address: textBase + 0x100_0000 + UInt64(16 * index))
    }
    return KallsymsBuilder(
      layout: layout, symbols: (named + functions).sorted { $0.address < $1.address },
      base: textBase)
  }
}
