/// Says on a terminal how much was read of the guest, where that takes long.
final class ReadingProgress {
  /// Before that nobody wonders.
  private static let patience: Duration = .milliseconds(500)
  private static let interval: Duration = .milliseconds(100)

  private let console: Console
  private let clock = ContinuousClock()
  private var bytes: UInt64 = 0
  private var next: ContinuousClock.Instant

  init(_ console: Console) {
    self.console = console
    next = clock.now + Self.patience
  }

  /// A new command begins.
  func begin() {
    bytes = 0
    next = clock.now + Self.patience
  }

  /// So many more bytes were read.
  func count(_ more: Int) {
    bytes &+= UInt64(clamping: more)
    guard clock.now >= next else { return }
    console.show(status: "read \(sizeText(bytes))…")
    next = clock.now + Self.interval
  }
}
