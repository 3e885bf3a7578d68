import GuestScopeGuestMemory

/// A recorded guest as a source, with some of its memory changed while it is in use.
final class Replay: GuestSource {
  let recording: Recording
  /// Words that are not as they were recorded, with what they were.
  private(set) var changed: [(address: UInt64, old: UInt64)] = []
  /// Registers that are not as they were recorded.
  private(set) var changedRegisters: [RegisterKey: UInt64] = [:]
  /// What was read.
  private(set) var places: [PhysicalRange] = []
  private(set) var samples = 0
  private(set) var bytes = 0
  private let notesPlaces: Bool

  /// The guest stands still, so that answers need no closing stop.
  private let isFrozen: Bool

  /// - Parameter notesPlaces: fills `places`.
  init(_ recording: Recording, isFrozen: Bool = false, notesPlaces: Bool = false) {
    (self.recording, self.isFrozen, self.notesPlaces) = (recording, isFrozen, notesPlaces)
  }

  var identity: String { recording.name }
  var incarnation: [Int] { [1] }
  var machineRecord: [UInt8] { [] }
  var runState: RunState { isFrozen ? .stopped(reason: nil) : .running }
  private(set) var isHeld = false
  var architecture: String { recording.architecture }
  var cpus: [Int] { recording.cpus }
  var cpuCount: Int { (recording.cpus.max() ?? 0) + 1 }
  var wordRegisterNames: [String] { Set(recording.registers.keys.map(\.name)).sorted() }
  var ram: RAMMap { recording.ram }
  var consistency: Consistency { isHeld || isFrozen ? .frozen : .instant }
  var limits: SampleLimits { .none }

  func readableCPUs() -> [Int] { recording.cpus }
  func takeStatistics() -> StopStatistics { StopStatistics() }
  func hold() { isHeld = true }
  func release() { isHeld = false }

  func sample(
    ranges: [PhysicalRange], registers: [RegisterKey]
  ) throws(GuestMemError) -> Sample {
    samples += 1
    bytes += ranges.reduce(0) { $0 + $1.count }
    if notesPlaces { places += ranges }
    var sample = Sample(
      memory: ranges.map { range in
        recording.bytes(of: range).map { .success($0) } ?? .failure(.outsideRAM)
      }, time: UInt64(samples))
    for key in registers {
      sample.registers[key] =
        (changedRegisters[key] ?? recording.registers[key]).map { .success($0) }
        ?? .failure(Absence("no \(key)"))
    }
    return sample
  }

  /// Changes a word until `restore()`.
  func change(wordAt address: UInt64, _ body: (UInt64) -> UInt64) {
    let old = recording[address]
    changed.append((address, old))
    recording[address] = body(old)
  }

  func change(_ register: RegisterKey, _ body: (UInt64) -> UInt64) {
    guard let old = changedRegisters[register] ?? recording.registers[register] else { return }
    changedRegisters[register] = body(old)
  }

  /// Puts back what was changed, last first: a word may have been changed twice.
  func restore() {
    for (address, old) in changed.reversed() { recording[address] = old }
    (changed, changedRegisters) = ([], [:])
  }
}
