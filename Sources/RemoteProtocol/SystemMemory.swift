/// The guest's physical address space, as ``MonitorCommand/memoryTree`` prints it.
///
/// Mirrors `mtree_print_flatview` in QEMU's `system/memory.c` (`softmmu/memory.c` in 5.2 to 8.1).
public struct SystemMemory: Sendable, Equatable {
  public struct Region: Sendable, Equatable {
    /// Guest physical addresses.
    public let addresses: Range<UInt64>
    /// `ram`, `nv-ram`, `rom`, `romd`, `ramd` or `i/o`.
    public let kind: String
    /// QEMU's name for what lies there, such as `pc.ram`.
    public let name: String
    /// Where in that memory the region begins, in bytes: RAM above 4 GiB is the rest of the RAM
    /// below it.
    public let offset: UInt64
  }

  /// In ascending order as printed.
  public let regions: [Region]

  /// Reads the flat view of the address space that all CPUs share, the one whose root is `system`.
  ///
  /// The text also shows others that a physical `m` does not read: I/O ports, SMM's (root `memory`)
  /// and Arm's secure one (root `secure-memory`). One view may serve several address spaces.
  ///
  /// - Returns: nil when there is no such view.
  public init?(monitorText text: String) {
    var lines = text.utf8.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
      .map { String(Substring($0)) }[...]
    while let line = lines.popFirst() {
      guard line.hasPrefix(" AS "), Self.root(of: line) == "system" else { continue }
      let view = lines.prefix { !$0.hasPrefix("FlatView ") }
      regions = view.compactMap(Region.init)
      return
    }
    return nil
  }

  /// The machine's RAM, in ascending order, neighbours joined.
  ///
  /// Left out are devices (`i/o`, and `ramd`, the windows of a device that was passed through),
  /// which a read can disturb; flash (`romd`), which is a device while it is being written; `rom`,
  /// which no kernel writes its data to; and memory of devices and firmware, which belongs to no
  /// backend.
  ///
  /// Where no region belongs to a backend, all memory counts: QEMU before 5.0 numbers its backends
  /// and does not list the machine's own RAM, and QEMU does not own Xen's RAM.
  public func ram(of backends: MemoryBackends) -> [Range<UInt64>] {
    let memory = regions.filter { $0.kind == "ram" || $0.kind == "nv-ram" }
    let backed = memory.filter { backends.contains(regionNamed: $0.name) }
    let ranges = (backed.isEmpty ? memory : backed).map(\.addresses)
    var ram: [Range<UInt64>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = ram.last, range.lowerBound <= last.upperBound {
        ram[ram.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
      } else {
        ram.append(range)
      }
    }
    return ram
  }

  /// `system` of ` AS "memory", root: system`, with or without `, alias …` after it.
  private static func root(of line: String) -> Substring? {
    guard let quote = line.lastIndex(of: "\"") else { return nil }
    let rest = line[line.index(after: quote)...]
    guard rest.hasPrefix(", root: ") else { return nil }
    return rest.dropFirst(8).prefix { $0 != "," }
  }
}

extension SystemMemory.Region {
  /// Reads `  0000000100000000-00000001ffffffff (prio 0, ram): pc.ram @0000000080000000`, ends
  /// inclusive.
  ///
  /// A region that ends with the address space loses its last byte, for which a range has no bound.
  init?(_ line: String) {
    guard let open = line.firstIndex(of: "("), let close = line[open...].firstIndex(of: ")")
    else { return nil }
    let bounds =
      line[..<open].split(separator: " ").first?
      .split(separator: "-", omittingEmptySubsequences: false) ?? []
    guard bounds.count == 2, let first = UInt64(bounds[0], radix: 16),
      let last = UInt64(bounds[1], radix: 16), first <= last, first < .max
    else { return nil }
    addresses = first..<(last == .max ? last : last + 1)
    kind = line[line.index(after: open)..<close].split(separator: " ").last.map(String.init) ?? ""
    let rest = line[close...].dropFirst().drop { $0 == ":" || $0 == " " }
    if let mark = rest.range(ofLast: " @") {
      name = String(rest[..<mark])
      let digits = rest[mark...].dropFirst(2).prefix { $0.isHexDigit }
      guard let offset = UInt64(digits, radix: 16) else { return nil }
      self.offset = offset
    } else {
      name = String(rest)
      offset = 0
    }
  }
}

extension Substring {
  /// Where the last occurrence of two characters begins.
  fileprivate func range(ofLast pair: String) -> Index? {
    indices.last { self[$0...].hasPrefix(pair) }
  }
}
