import GuestScopeBytes

extension SnapshotEngine {
  /// Reads memory that does not change while the guest runs: kernel image constants, BTF.
  ///
  /// Spread over as many samples as the limits ask for, so that no single stop is long; the bytes
  /// never enter a view's cache or plan, nor the engine's guide. Ranges outside RAM are absent.
  public func readStatic(
    _ ranges: [PhysicalRange]
  ) throws(GuestMemError) -> [Result<[UInt8], Absence>] {
    // Long reads are spread over stops of their own.
    if ranges.reduce(0, { $0 + $1.count }) > Self.mostInOneStop { try endStop() }
    var contents: [[UInt8]] = ranges.map { _ in [] }
    var absences: [Int: Absence] = [:]
    var pieces: [(index: Int, range: PhysicalRange)] = []
    if !ranges.allSatisfy(memory.ram.contains) { _ = try memory.lookAgain() }
    let readBytes = memory.limits.readBytes
    for (index, range) in ranges.enumerated() {
      guard memory.ram.contains(range) else {
        absences[index] = .outsideRAM
        continue
      }
      var rest = range
      while rest.count > 0 {
        let chunk = PhysicalRange(rest.start, count: min(rest.count, readBytes))
        pieces.append((index, chunk))
        rest = PhysicalRange(chunk.end, count: rest.count - chunk.count)
      }
    }
    var next = pieces[...]
    while !next.isEmpty {
      // Each stop measures again what a stop costs.
      let limits = memory.limits
      var load = SampleLoad()
      let batch = next.prefix { piece in
        var larger = load
        larger.add(piece.range, readBytes: limits.readBytes)
        guard load.reads == 0 || limits.admit(larger) else { return false }
        load = larger
        return true
      }
      next = next.dropFirst(batch.count)
      let sample = try sample(batch.map(\.range))
      if !next.isEmpty, memory.consistency == .instant { rest(after: limits.cost(load)) }
      for (piece, outcome) in zip(batch, sample.memory) {
        switch outcome {
        case .success(let bytes): contents[piece.index] += bytes
        case .failure(let absence): absences[piece.index] = absences[piece.index] ?? absence
        }
      }
    }
    return contents.enumerated().map { index, bytes in
      absences[index].map { .failure($0) } ?? .success(bytes)
    }
  }

  /// Bytes that a stop which others began may read as well: a kernel's notes, variables and banner.
  private static let mostInOneStop = 16 << 10

  /// Lets the guest run between two stops for longer than it stood still.
  private func rest(after stop: Duration) { sleep(for: min(stop * 3, .milliseconds(20))) }
}
