/// An answer that was walked from memory of one instant, or, where it was too large for one stop,
/// each object of it from one.
public struct Snapshot<Value> {
  public var value: Value
  /// Objects that are missing from the value, by name and reason.
  public var unreadable: [UnreadableObject]
  /// How the parts of the answer relate in time.
  public var consistency: SnapshotConsistency
  /// When the guest was in this state, in nanoseconds of this machine's CLOCK_REALTIME: the time of
  /// the closing sample, of the last one where there were several.
  public var time: UInt64
  /// Samples that depended on each other on the way to the answer, without the closing ones.
  public var waves: Int
  /// What the closing samples read.
  public var closing: SampleLoad
  /// The registers of the closing sample, of the last one where there were several.
  public var registers: [RegisterKey: Result<UInt64, Absence>] = [:]
}

/// How the parts of an answer relate in time.
public enum SnapshotConsistency: Hashable, Sendable {
  /// All of it is of one instant of a running guest.
  case instant
  /// The answer was too large for one stop. Each object comes from a single one of so many stops.
  case perObject(stops: Int)
  /// The guest was stopped across waves for it: all of it is of one instant, or, where such a stop
  /// was too short for the whole answer, each object is of one of several.
  case held(stops: Int)
  /// All of it is of one instant of a guest that stood still before.
  case frozen

  /// The number of instants that the answer is from.
  public var stops: Int {
    switch self {
    case .instant, .frozen: 1
    case .perObject(let stops), .held(let stops): stops
    }
  }
}

extension Snapshot {
  /// The number of instants that the answer is from.
  public var stops: Int { consistency.stops }

  /// True when the guest was stopped across waves for it.
  public var wasHeld: Bool { if case .held = consistency { true } else { false } }

  public func map<New>(_ transform: (Value) -> New) -> Snapshot<New> {
    Snapshot<New>(
      value: transform(value), unreadable: unreadable, consistency: consistency, time: time,
      waves: waves, closing: closing, registers: registers)
  }
}

/// Why there is no answer at all.
public enum SnapshotError: Error, Sendable, CustomStringConvertible {
  case source(GuestMemError)
  /// What every answer needs could not be read.
  case unreadable(Unreadable)
  /// The guest's kernel is not the one that was found before. The text is a sentence.
  case kernelChanged(String)
  /// A pass took more reads than it may.
  case tooManySteps(Int)

  /// True when a later try may succeed, as in a guest that boots. What a kernel lacks it does not
  /// get.
  public var isTransient: Bool {
    switch self {
    case .source(let error): error.isTransient
    case .unreadable(let cause):
      switch cause.reason {
      case .lacking, .missing: false
      default: true
      }
    case .kernelChanged, .tooManySteps: true
    }
  }

  var isOutsideRAM: Bool {
    if case .unreadable(let cause) = self { cause.isOutsideRAM } else { false }
  }

  public var description: String {
    switch self {
    case .source(let error): error.description
    case .unreadable(let cause) where cause.reason == .moving:
      "cannot read the guest's kernel: \(cause); try again, or hold the guest"
    case .unreadable(let cause) where cause.isMissing || cause.isLacking: cause.description
    case .unreadable(let cause): "cannot read the guest's kernel: \(cause)"
    case .kernelChanged(let what): "cannot read the guest's kernel: \(what)"
    case .tooManySteps(let limit):
      "gave up after \(limit) reads: the guest's kernel structures run in circles"
    }
  }
}
