/// Whether one thing is as it should be.
struct CheckResult {
  enum Outcome: String {
    case kept, broken
    /// It cannot be measured.
    case unknown
  }

  /// `prog_stats.ns_per_call`, `scx-bypass`
  var check: String
  /// A program, a task, a CPU; empty for the guest as a whole.
  var object = ""
  /// What it is; null where it cannot be measured.
  var value: JSON = .null
  /// What it may be at most, or at least; null for a check that has no number.
  var limit: JSON = .null
  var outcome: Outcome
  /// Why, for people.
  var evidence: String

  static let fields: [Field<CheckResult>] = [
    Field("check") { .string($0.check) },
    Field("object") { .string($0.object) },
    Field("value") { $0.value },
    Field("limit") { $0.limit },
    Field("status") { .string($0.outcome.rawValue) },
    Field("evidence") { .string($0.evidence) },
  ]

  /// `prog_stats.ns_per_call of lab`
  var title: String { object.isEmpty ? check : "\(check) of \(object)" }

  /// Without the title: `812.5 (limit 500): more than its limit`.
  var reason: String {
    guard value != .null else { return evidence }
    return value.figure + (limit == .null ? "" : " (limit \(limit.figure))") + ": " + evidence
  }
}

extension JSON {
  /// A number as people read it; all digits are in JSON.
  var figure: String {
    guard case .number(let number) = self else { return cell }
    return fixed(number, abs(number) < 1 ? 4 : 1)
  }
}

extension CheckResult {
  /// What an answer lacks may be what breaks a limit.
  ///
  /// - Parameter missing: the notes of the answer, of which the first counts all.
  static func lacking(_ missing: [String], in check: String) -> [CheckResult] {
    missing.prefix(1).map { CheckResult(check: check, outcome: .unknown, evidence: $0) }
  }
}

extension [CheckResult] {
  /// What is broken outranks what is not known.
  var status: Int32 {
    if contains(where: { $0.outcome == .broken }) { return Status.violation }
    return contains { $0.outcome == .unknown } ? Status.unmeasured : Status.answered
  }

  func count(_ outcome: CheckResult.Outcome) -> Int { count { $0.outcome == outcome } }

  /// `12 kept, 1 broken, 0 not measurable`
  var summary: String {
    "\(count(.kept)) kept, \(count(.broken)) broken, \(count(.unknown)) not measurable"
  }
}
