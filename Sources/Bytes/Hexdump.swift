extension [UInt8] {
  /// A dump of these bytes, 16 a line, in the format of `hexdump -C`.
  ///
  /// - Parameter address: of the first byte; lines are not aligned to it.
  public func hexdump(at address: UInt64) -> [String] {
    stride(from: 0, to: count, by: 16).map { start in
      hexdumpLine(start..<Swift.min(start + 16, count), at: address &+ UInt64(start))
    }
  }

  /// Builds the line as bytes: strings of its parts are too slow for a dump of several MiB.
  private func hexdumpLine(_ row: Range<Int>, at address: UInt64) -> String {
    let (blank, bar) = (UInt8(ascii: " "), UInt8(ascii: "|"))
    var line: [UInt8] = []
    line.reserveCapacity(88)
    for shift in stride(from: 60, through: 0, by: -4) {
      line.append(.hexDigit(UInt8(truncatingIfNeeded: address >> UInt64(shift))))
    }
    for column in 0..<16 {
      line.append(blank)
      if column % 8 == 0 { line.append(blank) }
      let index = row.lowerBound + column
      line.append(index < row.upperBound ? .hexDigit(self[index] >> 4) : blank)
      line.append(index < row.upperBound ? .hexDigit(self[index]) : blank)
    }
    line += [blank, blank, bar]
    for index in row {
      line.append((0x20..<0x7f).contains(self[index]) ? self[index] : UInt8(ascii: "."))
    }
    line.append(bar)
    return String(decoding: line, as: UTF8.self)
  }
}

extension UInt64 {
  /// Lower-case hex digits without `0x`, at least so many.
  public func paddedHex(_ digits: Int) -> String {
    let text = String(self, radix: 16)
    return String(repeating: "0", count: Swift.max(0, digits - text.count)) + text
  }
}
