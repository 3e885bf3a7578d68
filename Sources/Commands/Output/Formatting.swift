import Glibc

/// A number with so many digits after the point.
func fixed(_ number: Double, _ digits: Int) -> String {
  var buffer = [CChar](repeating: 0, count: 400)
  let count = unsafe withVaList([Int32(digits), number]) {
    unsafe vsnprintf(&buffer, buffer.count, "%.*f", $0)
  }
  return String(decoding: buffer.prefix(Int(count)).map(UInt8.init), as: UTF8.self)
}

extension Duration {
  /// Milliseconds.
  var milliseconds: Double {
    Double(components.seconds) * 1e3 + Double(components.attoseconds) / 1e15
  }
}
