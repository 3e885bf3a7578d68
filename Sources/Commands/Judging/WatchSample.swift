/// One answer of a command that is watched.
struct WatchSample {
  let values: AnswerValues
  /// When the guest was as the answer has it, in seconds of this machine's CLOCK_REALTIME.
  let time: Double
  /// What it cost the guest.
  let cost: SessionStatistics
  let notes: Answer.Notes
}

/// How the values of an object went from one sample to the next.
struct WatchedObject {
  let name: String
  let values: [(path: String, value: JSON)]
  /// Change in a second, by path; none for values that were not there, or are not numbers.
  private(set) var rates: [String: Double] = [:]
  private let changes: [String: Double]

  /// - Parameter previous: the sample before; nil for the first.
  init(_ name: String, in sample: WatchSample, after previous: WatchSample?) {
    self.name = name
    values = (sample.values.paths[name] ?? []).compactMap { path in
      let value = sample.values.values[.init(object: name, path: path)]
      return value.map { (path, $0) }
    }
    var changes: [String: Double] = [:]
    // One that has another number is another one, which has come in the place of the first.
    let number = AnswerValues.Place(object: name, path: "id")
    if let previous, previous.values.values[number] == sample.values.values[number] {
      for (path, value) in values where path != number.path {
        let old = previous.values.values[.init(object: name, path: path)]
        changes[path] = old.flatMap { value - $0 }?.double
      }
      let interval = sample.time - previous.time
      if interval > 0 { rates = changes.mapValues { $0 / interval } }
    }
    self.changes = changes
  }

  func value(_ path: String) -> JSON? { values.first { $0.path == path }?.value }

  /// Nanoseconds of a call in the interval, of a program that ran in it.
  var nsPerCall: Double? {
    guard let calls = change("cnt", "run_cnt"), let nsecs = change("nsecs", "run_time_ns"),
      calls > 0
    else { return nil }
    return nsecs / calls
  }

  private func change(_ paths: String...) -> Double? {
    paths.lazy.compactMap { changes[$0] }.first
  }
}

extension WatchSample {
  /// The objects of the sample; values of the answer itself are those of an object without a name.
  func objects(after previous: WatchSample?) -> [WatchedObject] {
    let names = values.paths[""] == nil ? values.objects : [""] + values.objects
    return names.map { WatchedObject($0, in: self, after: previous) }
  }

  /// Objects that are not there any more.
  func gone(since previous: WatchSample?) -> [String] {
    let names = Set(values.objects)
    return previous?.values.objects.filter { !names.contains($0) } ?? []
  }

  /// For programs that read along.
  func json(after previous: WatchSample?) -> JSON {
    [
      "time": .number(time),
      "interval": previous.map { .number(time - $0.time) } ?? .null,
      "stops": JSON(Int(cost.stops.stops)),
      "pause_ms": .number(cost.stops.total.milliseconds),
      "objects": .array(objects(after: previous).map(\.json)),
      "gone": .array(gone(since: previous).map { .string($0) }),
      "missing": .array(notes.missing.map { .string($0) }),
      "remarks": .array(notes.remarks.map { .string($0) }),
    ]
  }
}

extension WatchedObject {
  fileprivate var json: JSON {
    var members: [JSON.Member] = [
      .init(key: "object", value: .string(name)),
      .init(
        key: "values", value: .object(values.map { JSON.Member(key: $0.path, value: $0.value) })),
      .init(
        key: "per_second",
        value: .object(
          values.compactMap { value in
            rates[value.path].map { JSON.Member(key: value.path, value: .number($0)) }
          })),
    ]
    if let nsPerCall { members.append(.init(key: "ns_per_call", value: .number(nsPerCall))) }
    return .object(members)
  }
}
