import Bytes

/// Where a kernel's own symbol table lies (kernel/kallsyms.c, scripts/kallsyms.c) and how its
/// addresses are written.
///
/// The layout is found by shape, never by version:
///
/// | | kernels | order of the tables |
/// | --- | --- | --- |
/// | A | to 6.3 | offsets, relative_base, num_syms, names, markers, (seqs_of_names), token_table, token_index |
/// | B | 6.4 to 6.19 | num_syms, names, markers, token_table, token_index, offsets, relative_base, seqs_of_names |
/// | C | from 7.0 | like B, without relative_base: each offset is relative to its own place |
public struct KallsymsTables: Sendable {
  /// How an entry of `kallsyms_offsets` becomes an address.
  public enum Addressing: Equatable, Sendable {
    /// The base and the entry.
    case relative(base: UInt64)
    /// Negative entries count down from the base; others are per-CPU offsets
    /// (`KALLSYMS_ABSOLUTE_PERCPU`).
    case absolutePerCPU(base: UInt64)
    /// The entry's own address and the entry (kernel 7.0 on).
    case selfRelative
  }

  public let count: Int
  public let addressing: Addressing
  /// The virtual address of `kallsyms_relative_base`, nil when the kernel has none.
  public let relativeBaseAddress: UInt64?
  /// The virtual addresses of `kallsyms_names`, `kallsyms_offsets` and `kallsyms_token_table`.
  public let namesAddress: UInt64
  public let offsetsAddress: UInt64
  public let tokenTableAddress: UInt64
  /// Where the first of the tables begins, give or take `kallsyms_num_syms`.
  var startAddress: UInt64 { min(namesAddress, offsetsAddress) }

  private init(
    count: Int, _ addressing: Addressing, base: Int?, names: Int, offsets: Int,
    _ tokens: TokenTable, _ region: MemoryRegion
  ) {
    self.count = count
    self.addressing = addressing
    relativeBaseAddress = base.map(region.address(of:))
    namesAddress = region.address(of: names)
    offsetsAddress = region.address(of: offsets)
    tokenTableAddress = region.address(of: tokens.range.lowerBound)
  }

  /// Names in a block that a marker points at.
  static let markerInterval = 256
  /// More symbols than any kernel has: a bound for walks.
  static let maxCount = 4_000_000
  static let maxNameBytes = 1 << 26
  /// The last block of names: up to 256 of some 130 tokens at most.
  static let lastBlockSize = 33 * 1024
  /// Bytes of names to ask for at a time while nothing says where they end.
  static let readAhead = 192 * 1024
}

/// What came of a search for the tables in a region.
public enum KallsymsSearch: Sendable {
  case found(KallsymsTables)
  /// The tables reach out of the region: search again in one that holds these addresses too.
  case needs(Range<UInt64>)
  case absent

  /// The tables, nil when they are not wholly in the region.
  public var tables: KallsymsTables? { if case .found(let tables) = self { tables } else { nil } }
}

extension KallsymsTables {
  /// Finds the tables in a region. Every marker and the order of all addresses are checked, so a
  /// false match does not get through.
  public static func search(_ region: MemoryRegion) -> KallsymsSearch {
    let tokens = TokenTable.find(in: region)
    let namesFirst = tokens.flatMap { searchNamesFirst($0, region) }
    if let namesFirst, namesFirst.tables != nil { return namesFirst }
    let offsetsFirst = searchOffsetsFirst(region, tokens)
    return offsetsFirst.tables == nil ? namesFirst ?? offsetsFirst : offsetsFirst
  }

  /// Layouts B and C: backwards from the token table over markers and names to num_syms.
  private static func searchNamesFirst(_ tokens: TokenTable, _ region: MemoryRegion)
    -> KallsymsSearch?
  {
    let bytes = region.bytes
    let tableStart = tokens.range.lowerBound
    // Before kernel 7.0 zeros may align the token table to 8 bytes.
    for markersEnd in [tableStart, tableStart - 4] where markersEnd >= 4 {
      guard let last = bytes.u32(at: markersEnd - 4) else { continue }
      var markers = markersEnd - 4
      var first = last
      while first > 0, let previous = bytes.u32(at: markers - 4), previous < first {
        first = previous
        markers -= 4
      }
      guard first == 0 else { continue }
      let markerCount = (markersEnd - markers) / 4
      let lowest = markers - Int(last) - lastBlockSize
      let counts = markerInterval * (markerCount - 1) + 1...markerInterval * markerCount
      var at = region.aligned(max(lowest, 0), to: 4)
      while at < markers - Int(last) {
        defer { at += 4 }
        guard let count = bytes.u32(at: at), counts.contains(Int(count)) else { continue }
        for names in [at + 4, region.aligned(at + 4, to: 8)] {
          guard let end = endOfNames(names, Int(count), markers, region),
            (0..<8).contains(markers - end),
            let result = tables(count: Int(count), names: names, tokens, region)
          else { continue }
          return result
        }
      }
      if lowest < 0, markerCount > 1, last < maxNameBytes {
        return .needs(region.address(of: lowest)..<region.address)
      }
    }
    return nil
  }

  /// Layouts B and C: the offsets follow the token index. Nil when they do not: layout A without
  /// seqs_of_names looks the same up to there.
  private static func tables(
    count: Int, names: Int, _ tokens: TokenTable, _ region: MemoryRegion
  ) -> KallsymsSearch? {
    let offsets = tokens.range.upperBound
    let baseOffset = region.aligned(offsets + 4 * count, to: 8)
    guard baseOffset + 8 <= region.end else {
      return .needs(
        region.address(of: region.end)..<region.address(of: baseOffset + 8))
    }
    if let base = relativeBase(at: baseOffset, region),
      let addressing = addressing(base: base, offsets: offsets, count: count, region)
    {
      return .found(
        KallsymsTables(
          count: count, addressing, base: baseOffset, names: names, offsets: offsets, tokens, region
        ))
    }
    // Text lies in front of the tables, while zeros behind a table of layout A would count as ascending addresses.
    guard let first = region.bytes.u32(at: offsets), Int32(bitPattern: first) < 0,
      ascending(.selfRelative, offsets: offsets, count: count, region)
    else { return nil }
    return .found(
      KallsymsTables(
        count: count, .selfRelative, base: nil, names: names, offsets: offsets, tokens, region))
  }

  /// Layout A: forwards from relative_base and num_syms over names and markers to the token table.
  private static func searchOffsetsFirst(
    _ region: MemoryRegion, _ tokens: TokenTable?
  ) -> KallsymsSearch {
    let end = tokens?.range.lowerBound ?? region.end
    var at = region.aligned(0, to: 8)
    while at + 16 <= end {
      defer { at += 8 }
      guard let base = relativeBase(at: at, region), let word = region.bytes.u64(at: at + 8),
        word > 0, word < UInt64(maxCount)
      else { continue }
      let count = Int(word)
      let offsets = region.aligned(at - 4 * count - 7, to: 8)
      guard offsets >= 0,
        let addressing = addressing(base: base, offsets: offsets, count: count, region)
      else { continue }
      let names = at + 16
      guard let namesEnd = endOfNames(names, count, nil, region) else { continue }
      let markers = region.aligned(namesEnd, to: 8)
      let blocks = (count + markerInterval - 1) / markerInterval
      let markersEnd = region.aligned(markers + 4 * blocks, to: 8)
      // seqs_of_names came with 6.2 and went into stable kernels: it is there or it is not.
      let seqsEnd = region.aligned(markersEnd + 3 * count, to: 8)
      guard seqsEnd + TokenTable.maxSize <= region.end || tokens != nil else {
        let end = region.end
        return .needs(region.address(of: end)..<region.address(of: end + readAhead))
      }
      guard endOfNames(names, count, markers, region) == namesEnd,
        let tokens = TokenTable(in: region, at: markersEnd) ?? TokenTable(in: region, at: seqsEnd)
      else { continue }
      return .found(
        KallsymsTables(
          count: count, addressing, base: at, names: names, offsets: offsets, tokens, region))
    }
    return .absent
  }

  /// Where `count` names end, or nil when a marker is not where its name is. Behind the region's
  /// end the result is only a lower bound.
  private static func endOfNames(
    _ start: Int, _ count: Int, _ markers: Int?, _ region: MemoryRegion
  ) -> Int? {
    var at = start
    for index in 0..<count {
      if let markers, index.isMultiple(of: markerInterval) {
        let marker = region.bytes.u32(at: markers + 4 * (index / markerInterval))
        guard marker.map(Int.init) == at - start else { return nil }
      }
      guard let (length, tokens) = nameLength(at: at, region) else {
        return region.end + 1
      }
      at = tokens + length
      guard length > 0 else { return nil }
    }
    return at
  }

  /// The tokens in the name at an offset, and where they begin; a second byte of length came with
  /// kernel 6.1.
  static func nameLength(at offset: Int, _ region: MemoryRegion) -> (length: Int, tokens: Int)? {
    guard offset + 1 < region.end else { return nil }
    let low = Int(region.bytes[offset])
    guard low & 0x80 != 0 else { return (low, offset + 1) }
    return (low & 0x7f | Int(region.bytes[offset + 1]) << 7, offset + 2)
  }
}
