import Glibc

/// A number with so many digits after the point.
func fixed(_ number: Double, _ digits: Int) -> String {
  var buffer = [CChar](repeating: 0, count: 400)
  let count = unsafe withVaList([Int32(digits), number]) {
    unsafe vsnprintf(&buffer, buffer.count, "%.*f", $0)
  }
  return String(decoding: buffer.prefix(Int(count)).map(UInt8.init), as: UTF8.self)
}

/// Nanoseconds as people read them: `740 ns`, `1.2 ms`, `12.3 s`.
func timeText(_ nanoseconds: JSON) -> String {
  guard let number = nanoseconds.double else { return nanoseconds.cell }
  for (unit, size) in [("s", 1e9), ("ms", 1e6), ("µs", 1e3)] where number >= size {
    return fixed(number / size, 1) + " " + unit
  }
  return fixed(number, 0) + " ns"
}

/// `4 KiB`, `2 MiB`.
func sizeText(_ bytes: UInt64) -> String {
  for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] where bytes >= 1 << shift {
    return "\(bytes >> shift) \(unit)"
  }
  return "\(bytes) bytes"
}

/// glibc's text for a number of the kernel's.
func errorText(_ number: Int32) -> String { unsafe String(cString: strerror(number)) }

extension Duration {
  /// Milliseconds.
  var milliseconds: Double {
    Double(components.seconds) * 1e3 + Double(components.attoseconds) / 1e15
  }
}

extension String {
  /// Names come from guest memory: what a terminal would take for a command is replaced.
  var printable: String {
    // Nearly all are plain.
    if utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) { return self }
    return String(
      String.UnicodeScalarView(
        unicodeScalars.map { $0.isControl && $0 != "\t" ? "\u{fffd}" : $0 }
      ))
  }
}

extension Unicode.Scalar {
  /// C0, DEL and C1: what a terminal may act on.
  fileprivate var isControl: Bool { value < 0x20 || (0x7f..<0xa0).contains(value) }
}
