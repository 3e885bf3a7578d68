/// Says on a terminal what is being done, how much was read of the guest for it, and how long the guest
/// stood still, where that takes long.
final class ReadingProgress {
  /// Nothing is shown before a command has taken this long.
  private static let patience: Duration = .milliseconds(500)
  private static let interval: Duration = .milliseconds(100)
  /// A guest that answers is silent for this long only on a busy machine.
  private static let silence: Duration = .seconds(1)

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
    show(Self.text(activity, bytes, pause()))
  }

  /// How far work is that reads nothing.
  ///
  /// - Parameter noun: of what is counted.
  func count(_ noun: String, _ done: Int, of all: Int) { show("\(done) of \(all) \(noun)…") }

  /// Nothing has come yet of what was asked for.
  ///
  /// - Parameters:
  ///   - target: the stub that has not answered.
  ///   - time: how long it has been silent.
  func wait(for target: String, _ time: Duration) {
    if time >= Self.silence { show("waiting for an answer from \(target)…") }
  }

  private func show(_ text: @autoclosure () -> String) {
    guard clock.now >= next else { return }
    console.show(status: text())
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
