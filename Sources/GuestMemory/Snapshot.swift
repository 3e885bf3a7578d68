/// An answer that was walked from memory of one instant, or, where it was too large for one stop,
/// each object of it from one.
public struct Snapshot<Value> {
  public var value: Value
  /// Objects that are missing from the value, by name and reason.
  public var unreadable: [UnreadableObject]
  /// The number of instants that the answer is from.
  public var stops: Int
  /// Samples that depended on each other on the way to the answer, without the closing ones.
  public var waves: Int
  /// True when the guest was stopped across waves for it.
  public var wasHeld: Bool
  /// What the closing samples read.
  public var closing: SampleLoad
  /// The registers of the closing sample, of the last one where there were several.
  public var registers: [RegisterKey: Result<UInt64, Absence>] = [:]
}

extension Snapshot {
  public func map<New>(_ transform: (Value) -> New) -> Snapshot<New> {
    Snapshot<New>(
      value: transform(value), unreadable: unreadable, stops: stops, waves: waves,
      wasHeld: wasHeld, closing: closing, registers: registers)
  }
}

/// Why there is no answer at all.
public enum SnapshotError: Error, Sendable, CustomStringConvertible {
  case source(GuestMemError)
  /// What every answer needs could not be read.
  case unreadable(Unreadable)
  /// A pass took more reads than it may.
  case tooManySteps(Int)

  var isOutsideRAM: Bool {
    if case .unreadable(let cause) = self { cause.isOutsideRAM } else { false }
  }

  public var description: String {
    switch self {
    case .source(let error): error.description
    case .unreadable(let cause) where cause.reason == .moving:
      "cannot read the guest's kernel: \(cause); try again, or hold the guest"
    case .unreadable(let cause) where cause.isMissing: cause.description
    case .unreadable(let cause): "cannot read the guest's kernel: \(cause)"
    case .tooManySteps(let limit):
      "gave up after \(limit) reads: the guest's kernel structures run in circles"
    }
  }
}
