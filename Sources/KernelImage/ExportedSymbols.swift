import GuestScopeBytes

/// The symbols that a kernel exports to modules, `__ksymtab` and `__ksymtab_gpl`: three 32-bit
/// words each, value, name and namespace, each relative to its own place (`struct kernel_symbol` of
/// kernel/module/internal.h, HAVE_ARCH_PREL32_RELOCATIONS).
struct ExportedSymbols {
  struct Entry: Equatable {
    var name: String
    var address: UInt64
  }

  private(set) var entries: [Entry] = []

  /// Fewer than any kernel exports.
  static let least = 500
  private static let size = 12
  /// KSYM_NAME_LEN of include/linux/kallsyms.h.
  private static let nameLimit = 512

  /// Finds the tables in a region by one entry, and takes all before and after it.
  ///
  /// - Parameter symbols: those of kallsyms; most exported functions must be among them.
  init?(in region: MemoryRegion, checkedBy symbols: KernelSymbols) {
    // Exported by every architecture since 2.6.
    for name in Self.places(of: "\0init_task\0", in: region).map({ $0 + 1 }) {
      for field in Self.references(to: name, in: region) {
        entries = Self.table(around: field - 4, in: region)
        if entries.count >= Self.least, agree(with: symbols) { return }
      }
    }
    return nil
  }

  private func agree(with symbols: KernelSymbols) -> Bool {
    let known = entries.filter { entry in
      symbols.nearest(to: entry.address).map { $0.offset == 0 && $0.symbol.name == entry.name }
        ?? false
    }
    return known.count >= entries.count / 2
  }

  /// A kernel has one or two; each that is looked at costs a search of the region.
  private static let mostPlaces = 8

  private static func places(of text: String, in region: MemoryRegion) -> [Int] {
    let needle = Array(text.utf8)
    let places = (0..<max(0, region.end - needle.count)).lazy.filter { at in
      region.bytes[at + 1] == needle[1]
        && region.bytes[at..<at + needle.count].elementsEqual(needle)
    }
    return Array(places.prefix(mostPlaces))
  }

  /// Words that are as far from a place as they say.
  private static func references(to place: Int, in region: MemoryRegion) -> [Int] {
    let places = stride(from: 0, to: region.end - 8, by: 4).lazy.filter { at in
      region.bytes.u32(at: at) == UInt32(truncatingIfNeeded: place - at)
    }
    return Array(places.prefix(mostPlaces))
  }

  private static func table(around place: Int, in region: MemoryRegion) -> [Entry] {
    var before: [Entry] = []
    var at = place - size
    while let entry = entry(at: at, in: region) {
      before.append(entry)
      at -= size
    }
    var entries = Array(before.reversed())
    at = place
    while let entry = entry(at: at, in: region) {
      entries.append(entry)
      at += size
    }
    return entries
  }

  private static func entry(at place: Int, in region: MemoryRegion) -> Entry? {
    guard place >= 0, let value = target(at: place, in: region),
      let name = target(at: place + 4, in: region),
      let space = target(at: place + 8, in: region), region.bytes.indices.contains(name),
      region.bytes.indices.contains(space)
    else { return nil }
    let text = region.bytes[name..<min(name + nameLimit, region.end)].prefix { $0 != 0 }
    guard !text.isEmpty, text.count < nameLimit, text.allSatisfy(isIdentifier) else { return nil }
    return Entry(name: String(decoding: text, as: UTF8.self), address: region.address(of: value))
  }

  /// Where a relative word points, as an offset in the region's bytes.
  private static func target(at place: Int, in region: MemoryRegion) -> Int? {
    guard place + 4 <= region.end, let word = region.bytes.u32(at: place) else { return nil }
    return place + Int(Int32(bitPattern: word))
  }

  private static func isIdentifier(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."):
      true
    default: false
    }
  }
}

extension KernelSymbols {
  /// These symbols, and the variables that the kernel exports to modules: where kallsyms has
  /// functions only.
  package func addingExports(of image: MemoryRegion) -> KernelSymbols {
    let exported = ExportedSymbols(in: image, checkedBy: self)?.entries ?? []
    return merging(
      exported.filter { nearest(to: $0.address)?.offset != 0 }.map {
        Symbol(name: $0.name, address: $0.address, type: "D")
      })
  }
}
