extension [UInt8] {
  /// These bytes sixteen a line, as hexdump -C shows them.
  ///
  /// - Parameter address: of the first byte; lines are not aligned to it.
  public func hexdump(at address: UInt64) -> [String] {
    stride(from: 0, to: count, by: 16).map { start in
      let row = self[start..<Swift.min(start + 16, count)]
      var line = (address &+ UInt64(start)).paddedHex(16)
      for (column, byte) in row.enumerated() {
        line += (column % 8 == 0 ? "  " : " ") + UInt64(byte).paddedHex(2)
      }
      let missing = 16 - row.count
      line += String(repeating: "   ", count: missing) + (missing >= 8 ? " " : "")
      let text = row.map { (0x20..<0x7f).contains($0) ? Character(Unicode.Scalar($0)) : "." }
      return line + "  |" + String(text) + "|"
    }
  }
}

extension UInt64 {
  /// Lower-case hex digits without `0x`, at least so many.
  public func paddedHex(_ digits: Int) -> String {
    let text = String(self, radix: 16)
    return String(repeating: "0", count: Swift.max(0, digits - text.count)) + text
  }
}
