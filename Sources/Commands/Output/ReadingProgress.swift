/// Says on a terminal what is being done, how much was read of the guest for it, and how long the guest
/// stood still, where that takes long.
final class ReadingProgress {
  /// Before that nobody wonders.
  private static let patience: Duration = .milliseconds(500)
  private static let interval: Duration = .milliseconds(100)

  /// What the command does now; empty where its name says it.
  var activity = ""
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
    (bytes, activity) = (0, "")
    next = clock.now + Self.patience
  }

  /// So many more bytes were read.
  ///
  /// - Parameter pause: how long the guest was stopped since the command began; nil while it is held.
  func count(_ more: Int, pause: () -> Duration?) {
    bytes &+= UInt64(clamping: more)
    guard clock.now >= next else { return }
    console.show(status: Self.text(activity, bytes, pause()))
    next = clock.now + Self.interval
  }

  static func text(_ activity: String, _ bytes: UInt64, _ pause: Duration?) -> String {
    let stop =
      switch pause {
      case nil: ", the guest is held"
      case .zero?: ""
      case let pause?: ", the guest was stopped for \(timeText(.number(pause.milliseconds * 1e6)))"
      }
    return (activity.isEmpty ? "" : activity + ": ") + "read \(sizeText(bytes))\(stop)…"
  }
}
