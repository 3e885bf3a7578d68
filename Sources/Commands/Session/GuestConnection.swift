import GuestScopeGuestMemory

/// A session's connection to its guest: what it cost, and what was learnt through it.
final class GuestConnection {
  let source: any GuestSource
  var boot: Boot
  private let memory: CountingMemory
  private let progress: ReadingProgress
  private var counted = (reads: 0, bytes: 0)
  /// The stops since statistics were last taken.
  private var stops = StopStatistics()
  /// Of all stops, and of those before the command that runs now.
  private var pause: Duration = .zero
  private var earlierPause: Duration = .zero

  init(_ source: any GuestSource, _ progress: ReadingProgress, _ interrupts: Interrupts) {
    self.source = source
    memory = CountingMemory(source)
    self.progress = progress
    let engine = SnapshotEngine(memory)
    engine.isInterrupted = { interrupts.isCancelled }
    boot = Boot(engine)
    engine.progress = { [unowned self] in self.progress.count($0) { self.pauseOfCommand } }
  }

  /// A new command begins.
  func beginCommand() {
    countStops()
    earlierPause = pause
  }

  /// Says what is being done, should it take long.
  func doing<T>(_ activity: String, _ work: () throws -> T) rethrows -> T {
    let outer = progress.activity
    progress.activity = activity
    defer { progress.activity = outer }
    return try work()
  }

  /// Nil while the guest is held: what has passed of a hold is counted as one more stop whenever
  /// somebody asks.
  private var pauseOfCommand: Duration? {
    guard !source.isHeld else { return nil }
    countStops()
    return pause - earlierPause
  }

  private func countStops() {
    guard !source.isHeld else { return }
    let new = source.takeStatistics()
    stops.add(new)
    pause += new.total
  }

  /// Adds what was spent here since the last call.
  func takeStatistics(into taken: inout SessionStatistics) {
    let new = source.takeStatistics()
    taken.stops.add(stops)
    taken.stops.add(new)
    pause += new.total
    stops = StopStatistics()
    taken.reads += memory.reads - counted.reads
    taken.bytes += memory.bytes - counted.bytes
    counted = (memory.reads, memory.bytes)
  }
}
