import GuestScopeKernelImage

/// What a number of an answer may be.
struct Limit {
  /// Whose answer it is of.
  var question: Question
  var objects: Objects
  /// A path within the object, as `per_cpu[1].cnt`: `JSON` writes it so.
  var key: String
  var bounds: Bounds

  /// Of which objects of the answer.
  enum Objects: Hashable {
    /// A shell pattern over their names, with or without their types.
    case named(String)
    case one(String)
    /// All that have such a number.
    static let all = Self.named("*")
  }

  struct Bounds: Hashable {
    var most: Double?
    var least: Double?
    /// Percent by which it may be more than in the baseline.
    var tolerance: Double?
    /// By how much it may be more than there. Where both are given it must be more by both to count.
    var absolute: Double?

    var isRelative: Bool { tolerance != nil || absolute != nil }
  }

  var check: String { "\(question.name).\(key)" }

  /// - Parameters:
  ///   - answer: with measures.
  ///   - baseline: an earlier answer to the same question; nil where there is none.
  ///   - countsRuns: false where the guest does not count runs of programs now.
  func verdicts(
    on answer: AnswerValues, baseline: AnswerValues?, countsRuns: Bool
  ) -> [CheckResult] {
    let found = matches(in: answer)
    guard !found.isEmpty else {
      return [
        unknown(
          objects == .all
            ? "an answer of \(question.name) has no number \(key)"
            : "there is nothing of this name")
      ]
    }
    return found.flatMap { name in
      let old = baseline.map {
        $0.value(of: name, named: answer.bareName(of: name), at: key)?.double
      }
      return verdicts(on: name, answer.values[.init(object: name, path: key)], old, countsRuns)
    }
  }

  /// The whole limit cannot be judged.
  func unknown(_ evidence: String) -> CheckResult {
    let name =
      switch objects {
      case .all: ""
      case .named(let name), .one(let name): name
      }
    return CheckResult(check: check, object: name, outcome: .unknown, evidence: evidence)
  }

  private func matches(in answer: AnswerValues) -> [String] {
    let names = (answer.paths[""] == nil ? [] : [""]) + answer.objects
    switch objects {
    case .one(let name): return names.filter { $0 == name }
    // An object of a list that is within another need not have the key.
    case .all: return names.filter { answer.values[.init(object: $0, path: key)] != nil }
    case .named(let pattern):
      let glob = Glob(pattern)
      return names.filter { glob.matches($0) || glob.matches(answer.bareName(of: $0)) }
    }
  }

  /// - Parameter baseline: the number in it, if it has one; nil where there is none.
  private func verdicts(
    on name: String, _ value: JSON?, _ baseline: Double??, _ countsRuns: Bool
  ) -> [CheckResult] {
    func unknown(_ evidence: String) -> [CheckResult] {
      [CheckResult(check: check, object: name, outcome: .unknown, evidence: evidence)]
    }
    guard let value else { return unknown("it has no number \(key)") }
    func keptWithoutNumber(_ evidence: String) -> [CheckResult] {
      let limit = (bounds.most ?? bounds.least).map { JSON(shortest: $0) } ?? .null
      return [
        CheckResult(check: check, object: name, limit: limit, outcome: .kept, evidence: evidence)
      ]
    }
    if value == .null, key == "stuck_ns" { return keptWithoutNumber("it is not stuck") }
    if value == .null, key == "ns_per_call" {
      if !countsRuns {
        return unknown("it has not run while the guest counted: bpf_stats_enabled is 0")
      }
      return keptWithoutNumber("it has not run")
    }
    if !countsRuns, key == "miss_rate", value.double ?? 0 > 0 {
      return unknown("the guest counts its misses and not its runs: bpf_stats_enabled is 0")
    }
    guard let number = value.double else {
      return unknown(
        value == .null ? "this kernel does not keep it" : "it is not a number, but \(value.cell)")
    }
    var verdicts: [CheckResult] = []
    func judge(_ limit: Double, isLeast: Bool = false, _ evidence: String) {
      let isKept = isLeast ? number >= limit : number <= limit
      verdicts.append(
        CheckResult(
          check: check, object: name, value: value, limit: JSON(shortest: limit),
          outcome: isKept ? .kept : .broken, evidence: evidence))
    }
    if let most = bounds.most {
      judge(most, number <= most ? "within its limit" : "more than its limit")
    }
    if let least = bounds.least {
      judge(least, isLeast: true, number >= least ? "within its limit" : "less than its limit")
    }
    if bounds.isRelative, let baseline {
      guard let old = baseline else {
        return verdicts + unknown("the baseline has no such number")
      }
      judge(bounds.limit(from: old), "it was \(JSON(shortest: old).figure)")
    } else if bounds.most == nil, bounds.least == nil {
      return unknown(
        "its limit is relative, and there is no --baseline with an answer of "
          + "\(question.name)")
    }
    return verdicts
  }
}

extension [Limit] {
  /// What no verdict says: a limit that is relative alone has a verdict of its own where nothing is there to
  /// compare with.
  func remarks(hasBaseline: Bool) -> [String] {
    let isSilent = contains { limit in
      limit.bounds.isRelative && (limit.bounds.most != nil || limit.bounds.least != nil)
    }
    guard isSilent, !hasBaseline else { return [] }
    return ["the tolerances of the budget were not judged: there is no --baseline to compare with"]
  }
}

extension Limit.Bounds {
  /// What it may be where it was `old`.
  func limit(from old: Double) -> Double {
    let relative = tolerance.map { old + abs(old) * $0 / 100 } ?? -.infinity
    return max(relative, absolute.map { old + $0 } ?? -.infinity)
  }
}

extension JSON {
  /// A whole number without a point.
  init(shortest number: Double) {
    self = UInt64(exactly: number).map { .unsigned($0) } ?? .number(number)
  }
}
