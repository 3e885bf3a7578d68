import GuestScopeBytes

/// Where a kernel's own symbol table lies (kernel/kallsyms.c, scripts/kallsyms.c) and how its
/// addresses are written.
///
/// The layout is found by shape, never by version:
///
/// - A, to 6.3: offsets, relative_base, num_syms, names, markers, (seqs_of_names), token_table,
///   token_index;
/// - B, 6.4 to 6.19: num_syms, names, markers, token_table, token_index, offsets, relative_base,
///   seqs_of_names;
/// - C, from 7.0: like B, without relative_base: each offset is relative to its own place.
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
  /// The virtual addresses of `kallsyms_seqs_of_names`, nil in a kernel before 6.2 that has none. The
  /// search does not need them, and they may lie outside of what it was given.
  package let seqsOfNames: Range<UInt64>?
  /// Where the first of the tables begins, give or take `kallsyms_num_syms`.
  package var startAddress: UInt64 { min(namesAddress, offsetsAddress) }

  init(
    count: Int, _ addressing: Addressing, base: Int?, names: Int, offsets: Int,
    seqs: Int?, _ tokens: TokenTable, _ region: MemoryRegion
  ) {
    self.count = count
    self.addressing = addressing
    relativeBaseAddress = base.map(region.address(of:))
    namesAddress = region.address(of: names)
    offsetsAddress = region.address(of: offsets)
    tokenTableAddress = region.address(of: tokens.range.lowerBound)
    seqsOfNames = seqs.flatMap { place in
      let (first, last) = (region.address(of: place), region.address(of: place + 3 * count))
      return first <= last ? first..<last : nil
    }
  }

  /// Names in a block that a marker points at.
  static let markerInterval = 256
  /// More symbols than any kernel has: a bound for walks.
  static let maxCount = 4_000_000
  static let maxNameBytes = 1 << 26
  /// Bytes that `kallsyms_token_table` and `kallsyms_token_index` take at most.
  public static let tokensSize = TokenTable.maxSize
  /// The last block of names: up to 256 of some 130 tokens at most.
  static let lastBlockSize = 33 * 1024
  /// Bytes of offsets that are enough to ask for the rest of the table.
  static let minOffsets = 1024
  /// Bytes of names to ask for at a time while nothing says where they end.
  static let readAhead = 192 * 1024
}

extension KallsymsTables {
  /// Where `count` names end, or nil when a marker is not where its name is. Behind the region's
  /// end the result is only a lower bound.
  static func endOfNames(
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
