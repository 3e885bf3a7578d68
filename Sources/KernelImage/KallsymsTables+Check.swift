extension KallsymsTables {
  /// What shows that tables are damaged whose form is right; nil where nothing does.
  ///
  /// `kallsyms_seqs_of_names`, the numbers of the symbols in the order of their names, is the one thing
  /// in the tables that says something of the names a second time.
  ///
  /// - Parameter region: holds `seqsOfNames`.
  package func fault(of symbols: KernelSymbols, in region: MemoryRegion) -> String? {
    guard let seqsOfNames else { return nil }
    guard let seqs = region.bytes(at: seqsOfNames.lowerBound, count: seqsOfNames.count) else {
      return "it ends before kallsyms_seqs_of_names"
    }
    var isListed = [Bool](repeating: false, count: count)
    var last: ArraySlice<UInt8> = []
    for place in stride(from: 0, to: seqs.count, by: 3) {
      // Three bytes, the highest first: get_symbol_seq() of kernel/kallsyms.c.
      let seq = Int(seqs[place]) << 16 | Int(seqs[place + 1]) << 8 | Int(seqs[place + 2])
      guard seq < count, !isListed[seq] else {
        return "symbol \(seq) does not stand once in kallsyms_seqs_of_names"
      }
      isListed[seq] = true
      // Kernels differ in what they take off a name before they sort: `.llvm.1` with clang's LTO, all
      // from the first dot on in 6.2.
      let name = symbols.nameBytes(at: seq).prefix { $0 != UInt8(ascii: ".") }
      guard name.allSatisfy(Self.isIdentifier) else { continue }
      guard !name.lexicographicallyPrecedes(last) else {
        return "its names are not in the order that kallsyms_seqs_of_names says"
      }
      last = name
    }
    return nil
  }

  /// A character that is above the dot in ASCII, so that to take a suffix off changes no order.
  private static func isIdentifier(_ byte: UInt8) -> Bool { byte > UInt8(ascii: ".") }
}
