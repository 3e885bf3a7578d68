import GuestScopeGuestMemory

/// A session's connection to its guest: what it cost, and what was learnt through it.
final class GuestConnection {
  let source: any GuestSource
  var boot: Boot
  private let memory: CountingMemory
  private let progress: ReadingProgress
  private var counted = (reads: 0, bytes: 0)

  init(_ source: any GuestSource, _ console: Console, _ interrupts: Interrupts) {
    self.source = source
    memory = CountingMemory(source)
    progress = ReadingProgress(console)
    let engine = SnapshotEngine(memory)
    engine.isInterrupted = { interrupts.isCancelled }
    engine.progress = { [progress] in progress.count($0) }
    boot = Boot(engine)
  }

  /// A new command begins.
  func beginCommand() { progress.begin() }

  /// Adds what was spent here since the last call.
  func takeStatistics(into taken: inout SessionStatistics) {
    taken.stops.add(source.takeStatistics())
    taken.reads += memory.reads - counted.reads
    taken.bytes += memory.bytes - counted.bytes
    counted = (memory.reads, memory.bytes)
  }
}
