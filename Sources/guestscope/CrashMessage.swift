import Glibc

/// What is said of a crash, by a handler that must not allocate.
struct CrashMessage {
  private let text: UnsafeMutablePointer<UInt8>
  private let count: Int

  private static let start = "guestscope: the program has crashed (signal "
  /// The last number says where the program lies in memory: without it the first one means nothing.
  private static let middle = ") at 0x"
  private static let end = ", which is a fault in it: please report the command and this line (0x"

  init() {
    let digits = String(repeating: "0", count: 16)
    // Of this build the distance to this function is always the same.
    let anchor: @convention(c) () -> Void = {}
    let place = String(UInt(bitPattern: unsafe unsafeBitCast(anchor, to: Int.self)), radix: 16)
    let words = Self.start + "  " + Self.middle + digits + Self.end + place + ")\n"
    count = words.utf8.count
    unsafe text = .allocate(capacity: count)
    for (index, byte) in words.utf8.enumerated() { unsafe text[index] = byte }
  }

  func write(_ number: Int32, at address: UnsafeMutableRawPointer?) {
    let place = Self.start.utf8.count
    if number >= 10 { unsafe text[place] = UInt8(truncatingIfNeeded: 0x30 + number / 10) }
    unsafe text[place + 1] = UInt8(truncatingIfNeeded: 0x30 + number % 10)
    var rest = UInt(bitPattern: address)
    var index = place + 2 + Self.middle.utf8.count + 15
    for _ in 0..<16 {
      let digit = UInt8(truncatingIfNeeded: rest & 15)
      unsafe text[index] = digit + (digit < 10 ? 0x30 : 0x57)
      rest >>= 4
      index -= 1
    }
    _ = unsafe Glibc.write(STDERR_FILENO, text, count)
  }
}
