import GuestScopeBytes

/// What came of a search for the tables in a region.
public enum KallsymsSearch: Sendable {
  case found(KallsymsTables)
  /// The tables reach out of the region: search again in one that holds these addresses too.
  case needs(Range<UInt64>)
  case absent

  /// The tables, nil when they are not wholly in the region.
  public var tables: KallsymsTables? { if case .found(let tables) = self { tables } else { nil } }

  /// Nothing is beyond either end of the address space.
  fileprivate static func needs(_ offsets: Range<Int>, of region: MemoryRegion) -> Self {
    let first = region.address(of: offsets.lowerBound)
    let last = region.address(of: offsets.upperBound)
    return first < last ? .needs(first..<last) : .absent
  }
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
        guard let count = bytes.u32(at: at), counts.contains(Int(count)), count < maxCount else {
          continue
        }
        for names in [at + 4, region.aligned(at + 4, to: 8)] {
          guard let end = endOfNames(names, Int(count), markers, region),
            (0..<8).contains(markers - end),
            let result = tables(count: Int(count), names: names, tokens, region)
          else { continue }
          return result
        }
      }
      if lowest < 0, markerCount > 1, last < maxNameBytes {
        return .needs(lowest..<0, of: region)
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
      return .needs(region.end..<baseOffset + 8, of: region)
    }
    if let base = relativeBase(at: baseOffset, region),
      let addressing = addressing(base: base, offsets: offsets, count: count, region)
    {
      return .found(
        KallsymsTables(
          count: count, addressing, base: baseOffset, names: names, offsets: offsets,
          seqs: baseOffset + 8, tokens, region))
    }
    // Text lies in front of the tables, while zeros after a table of layout A would count as
    // ascending addresses.
    guard let first = region.bytes.u32(at: offsets), Int32(bitPattern: first) < 0,
      ascending(.selfRelative, offsets: offsets, count: count, region)
    else { return nil }
    return .found(
      KallsymsTables(
        count: count, .selfRelative, base: nil, names: names, offsets: offsets,
        seqs: offsets + 4 * count, tokens, region))
  }

  /// Layout A: forwards from relative_base and num_syms over names and markers to the token table.
  private static func searchOffsetsFirst(
    _ region: MemoryRegion, _ tokens: TokenTable?
  ) -> KallsymsSearch {
    var result = KallsymsSearch.absent
    let end = tokens?.range.lowerBound ?? region.end
    for at in stride(from: region.aligned(0, to: 8), through: end - 16, by: 8) {
      guard let base = relativeBase(at: at, region), let count = region.bytes.u64(at: at + 8),
        count > 0, count < UInt64(maxCount)
      else { continue }
      switch tables(base: base, at: at, count: Int(count), tokens, region) {
      case .found(let tables): return .found(tables)
      case .needs(let addresses): result = .needs(addresses)
      case .absent: continue
      }
    }
    return result
  }

  /// Layout A, when relative_base is at an offset.
  private static func tables(
    base: UInt64, at baseOffset: Int, count: Int, _ tokens: TokenTable?, _ region: MemoryRegion
  ) -> KallsymsSearch {
    let offsets = region.aligned(baseOffset - 4 * count - 7, to: 8)
    guard offsets >= 0 || baseOffset > minOffsets,
      let addressing = addressing(base: base, offsets: offsets, count: count, region)
    else { return .absent }
    guard offsets >= 0 else { return .needs(offsets..<0, of: region) }

    let names = baseOffset + 16
    guard let namesEnd = endOfNames(names, count, nil, region) else { return .absent }
    let markers = region.aligned(namesEnd, to: 8)
    let blocks = (count + markerInterval - 1) / markerInterval
    let markersEnd = region.aligned(markers + 4 * blocks, to: 8)
    // seqs_of_names came with 6.2 and went into stable kernels: it is there or it is not.
    let seqsEnd = region.aligned(markersEnd + 3 * count, to: 8)
    guard seqsEnd + TokenTable.maxSize <= region.end || tokens != nil else {
      return .needs(region.end..<region.end + readAhead, of: region)
    }
    let tokensAtMarkers = TokenTable(in: region, at: markersEnd)
    guard endOfNames(names, count, markers, region) == namesEnd,
      let tokens = tokensAtMarkers ?? TokenTable(in: region, at: seqsEnd)
    else { return .absent }
    return .found(
      KallsymsTables(
        count: count, addressing, base: baseOffset, names: names, offsets: offsets,
        seqs: tokensAtMarkers == nil ? markersEnd : nil, tokens, region))
  }
}
