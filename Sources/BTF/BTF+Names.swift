import GuestScopeBytes

extension BTF {
  /// The strings of a blob and of its base.
  struct Names {
    private let blob: SharedBytes
    private let strings: Range<Int>
    private let base: BTF?

    /// - Parameter strings: of the blob; they end in NUL.
    init(_ blob: SharedBytes, _ strings: Range<Int>, base: BTF?) {
      (self.blob, self.strings, self.base) = (blob, strings, base)
    }

    /// The hash of a name; nil when it lies outside the strings.
    func hash(_ name: BTFString) -> UInt32? {
      let firstString = base?.endString ?? 0
      guard name.offset >= firstString else {
        return base.flatMap { Names($0.blob, $0.strings, base: $0.base).hash(name) }
      }
      let start = strings.lowerBound + Int(name.offset - firstString)
      guard start < strings.upperBound else { return nil }
      var end = start
      while blob[end] != 0, end - start < TypeIndex.hashedBytes { end += 1 }
      return blob.withSpan(of: start..<end) { TypeIndex.hash($0) }
    }
  }
}
